from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from complaint_router import DataError, ModelError, Router
from complaint_router.folder import FILES, SERVING_FILES, seal


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


@pytest.mark.parametrize("name", SERVING_FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: is missing"):
        Router.from_pretrained(copy)


@pytest.mark.parametrize("name", SERVING_FILES)
def test_a_tampered_file_is_named(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelError, match=f"{name}: is not the file that the manifest vouches for"):
        Router.from_pretrained(copy)


def test_a_broken_manifest_is_named(copy: Path) -> None:
    (copy / FILES.manifest).write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match=r"manifest\.json"):
        Router.from_pretrained(copy)
    (copy / FILES.manifest).write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"manifest\.json: cannot be read as JSON"):
        Router.from_pretrained(copy)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere: there is no such model folder"):
        Router.from_pretrained(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "is not the config of a model folder of format 2"),
        ({"targets": {"mood": ["good"]}}, r"targets \['mood'\] are not among"),
        ({"colour": "red"}, "is broken"),
    ],
)
def test_a_config_that_does_not_fit_is_named(copy: Path, change: dict[str, object], message: str) -> None:
    config = json.loads((copy / FILES.config).read_text("utf-8"))
    (copy / FILES.config).write_text(json.dumps({**config, **change}), encoding="utf-8")
    seal(copy)
    with pytest.raises(ModelError, match=message):
        Router.from_pretrained(copy)


def test_save_pretrained_round_trip(tiny_router: Router, tmp_path: Path) -> None:
    tiny_router.save_pretrained(tmp_path / "saved")
    again = Router.from_pretrained(tmp_path / "saved")
    assert again.route("家里停水两天了") == tiny_router.route("家里停水两天了")


def test_save_pretrained_keeps_the_home_and_may_go_over_a_model(copy: Path) -> None:
    Router.from_pretrained(copy, home="110000").save_pretrained(copy)
    route = Router.from_pretrained(copy).route("家里停水两天了")
    assert route.locality is not None
    assert route.locality.city == "北京市"
    assert not copy.with_name("copy.partial").exists()


def test_save_pretrained_touches_nothing_but_models(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DataError, match="is there already and is not a model folder"):
        tiny_router.save_pretrained(tmp_path)
