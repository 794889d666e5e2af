"""The package as a user has it: its own process, another folder, the console script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import labelled_rows, write_jsonl

SHARED = Path(__file__).parents[2] / "shared"
COMMAND = Path(sys.executable).with_name("complaint-router")


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(COMMAND), *arguments], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_route_train_route_again(tmp_path: Path) -> None:
    plain = json.loads(run(tmp_path, "route", "--json", "家里停水两天了，供水公司不管"))
    assert plain["category"]["code"] == "0101"
    write_jsonl(tmp_path / "tickets.jsonl", labelled_rows(60))
    train = ("train", "--train", "tickets.jsonl", "--target", "unit=unit", "--epochs", "2", "--output", "city")
    assert "trained on 60 rows" in run(tmp_path, *train)
    routed = json.loads(run(tmp_path, "route", "--json", "--model", "city", "家里停水两天了，供水公司不管"))
    assert routed["unit"]["name"] == "自来水公司"
    assert routed["category"]["code"] == "0101"
    measures = json.loads(
        run(tmp_path, "evaluate", "--json", "--model", "city", "--data", "tickets.jsonl", "--target", "unit=unit")
    )
    assert measures["targets"]["unit"]["accuracy"] > 0.9


def test_serving_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'onnx', 'sklearn', 'pyarrow')));"
        "from complaint_router import Router; print(Router.from_pretrained().route('家里停水两天了').category.code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "0101\n"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data in ../shared is not here")
def test_real_tickets_all_come_back(tmp_path: Path) -> None:
    source = SHARED / "data" / "haikou" / "locality_dev.jsonl"
    run(tmp_path, "route", "--input", str(source), "--home", "460100", "--output", "out.jsonl")
    before = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    after = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [{key: value for key, value in row.items() if key != "route"} for row in after] == before
    assert all(row["route"]["locality"] for row in after)
