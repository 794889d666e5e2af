from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import labelled_rows, write_jsonl

from complaint_router import Router, cli
from complaint_router.errors import MissingExtraError


def test_route_prints_for_a_person(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["route", "龙华区家里停水两天了，第2次来电", "--model", str(tiny_model)]) == 0
    out = capsys.readouterr().out
    assert "公用事业 › 供水" in out
    assert "龙华区" in out


def test_route_prints_json(tiny_model: Path, tiny_router: Router, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["route", "家里停水", "--json", "--model", str(tiny_model), "--home", "460100"]) == 0
    assert json.loads(capsys.readouterr().out) == tiny_router.route("家里停水").to_dict()


def test_route_a_file_is_silent_without_a_terminal(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", labelled_rows(10))
    arguments = ["route", "--input", str(source), "--output", str(tmp_path / "out.csv"), "--model", str(tiny_model)]
    assert cli.main([*arguments, "--workers", "2"]) == 0
    assert capsys.readouterr() == ("", "")
    assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == 11


def test_on_a_terminal_a_run_is_summed_up(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [*labelled_rows(10), {"id": "x", "text": ""}])
    files = {name: str(tmp_path / name) for name in ("out.csv", "rejects.csv", "counts.json")}
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    arguments = ["route", "--input", str(source), "--output", files["out.csv"], "--model", str(tiny_model)]
    options = ["--rejects", files["rejects.csv"], "--summary", files["counts.json"], "--group-duplicates"]
    assert cli.main([*arguments, *options, "--no-safe-cells"]) == 0
    told = capsys.readouterr().err
    assert "11 rows, 0 of them duplicates, " in told
    assert "flags: empty 1" in told
    assert "districts: none 11" in told
    assert len(Path(files["rejects.csv"]).read_text("utf-8").splitlines()) == 2
    assert json.loads(Path(files["counts.json"]).read_text("utf-8"))["flags"] == {"empty": 1}


def test_train_and_evaluate(tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, model = str(write_jsonl(tmp_path / "train.jsonl", labelled_rows(90))), str(tmp_path / "model")
    options = ["--target", "department=department", "--init", str(tiny_encoder), "--epochs", "3", "--output", model]
    assert cli.main(["train", "--train", file, "--train", file, *options]) == 0
    assert "trained on" in capsys.readouterr().out
    evaluate = ["evaluate", "--model", model, "--data", file, "--target", "department=department"]
    assert cli.main([*evaluate, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["n"] == 90
    assert set(printed["targets"]["department"]) >= {
        "accuracy", "macro_f1", "top3", "ece", "auto_coverage", "auto_accuracy",
    }  # fmt: skip
    assert cli.main(evaluate) == 0
    assert "department" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["route"], 'give either a "TEXT" or --input IN --output OUT'),
        (["route", "停水", "--input", "in.jsonl"], 'give either a "TEXT" or'),
        (["route", "--input", "in.jsonl"], "--input and --output go together"),
        (["route", "停水", "--model", "nowhere"], "nowhere: there is no such model folder"),
        (["route", "停水", "--home", "12"], "home '12' is not the code of a division"),
        (["route", "--input", "no.jsonl", "--output", "out.jsonl"], "no.jsonl: there is no such file"),
        (
            ["train", "--train", "no.csv", "--target", "kind", "--output", "out"],
            "--target kind: write it as NAME=FIELD",
        ),
        (["train", "--train", "no.csv", "--target", "kind=k", "--output", "out"], "no.csv: there is no such file"),
        (["evaluate", "--data", "no.csv", "--target", "kind=k"], "no.csv: there is no such file"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_complaint_typed_without_quotes_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["route", "张三家停水", "电话13800001111\n第二行"])
    assert capsys.readouterr().err == "complaint-router: unrecognized arguments; see complaint-router --help\n"


@pytest.mark.parametrize("arguments", [[], ["sing"], ["route", "--workers", "0"], ["train"], ["route", "--colour"]])
def test_usage_mistakes_are_one_line_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_extra_is_told_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    file = str(write_jsonl(tmp_path / "train.jsonl", labelled_rows(4)))
    assert cli.main(["train", "--train", file, "--target", "kind=kind", "--output", str(tmp_path / "m")]) == 2
    assert "torch is not installed; pip install 'complaint-router[train]'" in capsys.readouterr().err
    assert issubclass(MissingExtraError, ImportError)


def test_ctrl_c_ends_with_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Router, "from_pretrained", pressed)
    assert cli.main(["route", "停水"]) == 1
    assert capsys.readouterr().err == "complaint-router: stopped\n"
