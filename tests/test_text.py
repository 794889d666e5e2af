import pytest

from complaint_router import text


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("龍華區金貿街道", "龙华区金贸街道"),
        ("Ｋ１２，（五月）", "K12,(五月)"),
        ("a\x00b\ud800c\u200bd", "a b c d"),
        ("㎡与①", "㎡与1"),
        ("", ""),
    ],
)
def test_fold_keeps_the_length(raw: str, folded: str) -> None:
    assert text.fold(raw) == folded
    assert len(text.fold(raw)) == len(raw)


@pytest.mark.parametrize(
    ("raw", "masked"),
    [
        ("电话13800001111请回", "电话[电话]请回"),
        ("138 0000 1111", "[电话]"),
        ("回+86 13800001111", "回[电话]"),
        ("座机0898-66660000", "座机[电话]"),
        ("身份证46010019900307123X", "身份证[身份证]"),
        ("琼A12345堵门", "[车牌]堵门"),
        ("新能源粤B·D12345", "新能源[车牌]"),
        ("工单号20180101114664", "工单号20180101114664"),
        ("欠我13800元", "欠我13800元"),
    ],
)
def test_mask_hides_personal_data_and_nothing_else(raw: str, masked: str) -> None:
    assert text.mask(raw) == masked


def test_prepare_masks_numbers_typed_in_full_width() -> None:
    assert text.prepare("　電話１３８００００１１１１　\n\n漏水 ") == "电话[电话] 漏水"


def test_prepare_keeps_head_and_tail_of_a_long_text() -> None:
    prepared = text.prepare("头" * 60_000 + "尾" * 40_000)
    assert len(prepared) == text.TEXT_LIMIT
    assert prepared.startswith("头")
    assert prepared.endswith("尾")


@pytest.mark.parametrize(
    ("title", "body", "joined"),
    [("停水", "三天了", "停水。三天了"), ("停水了！", "三天", "停水了！三天"), (" ", "三天", "三天")],
)
def test_with_title(title: str, body: str, joined: str) -> None:
    assert text.with_title(title, body) == joined


def test_has_chinese() -> None:
    assert text.has_chinese("a水")
    assert not text.has_chinese("abc 123 かな")
