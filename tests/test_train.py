"""The whole way from labelled rows to a model with its account, with every choice that a city has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import COLUMNS, labelled_rows, write_jsonl

import complaint_router
from complaint_router import DataError, ModelError, Router, cli
from complaint_router.errors import ArgumentError
from complaint_router.folder import FILES

COMMAND = Path(sys.executable).with_name("complaint-router")


def report(model: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((model / FILES.report_data).read_text("utf-8"))
    return read


def test_the_api_does_what_the_commands_do(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [
        {**row, "also": ["town"], "day": f"2026-{1 + number // 30:02}-01"}
        for number, row in enumerate(labelled_rows(240))
    ]
    trained = complaint_router.train(
        rows, targets={"department": "department"}, alternatives={"department": "also"}, date_field="day",
        output=tmp_path / "model", init=tiny_encoder, epochs=2, auto_precision=0.8, language="en",
    )  # fmt: skip
    assert trained.account == report(tmp_path / "model")
    assert trained.account["training"]["split"] == "time"
    assert trained.account["auto_precision"] == 0.8
    assert '<html lang="en">' in (tmp_path / "model" / FILES.report).read_text("utf-8")
    assert not (tmp_path / "model.training").exists()
    found = complaint_router.evaluate(tmp_path / "model", rows, targets={"department": "department"})
    assert found.n == 240
    assert found.scores["department"].accuracy > 0.9


def test_the_account_tells_what_changed_and_what_fewer_rows_would_do(tiny_model: Path, tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']}，新的"} for row in labelled_rows(700)]
    for row in rows[::9]:
        row["department"] = "housing_construction"
    trained = complaint_router.train(
        rows, targets={"department": "department"}, output=tmp_path / "model", init=tiny_model, epochs=1,
        learning_curve=True,
    )  # fmt: skip
    told = trained.account
    assert told["against"]["name"] == "tiny"
    against = told["against"]["targets"]["department"]
    assert against["won"] + against["lost"] + against["same_right"] + against["same_wrong"] == against["n"] == 700
    assert [point["rows"] for point in told["learning_curve"]] == [500]
    assert told["training"]["split"] == "cross_fitted"
    assert f"{told['against']['targets']['department']['verdict']}:department" in told["verdict"]["reasons"]


def test_rare_labels_and_clauses_are_dealt_with_as_asked(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = labelled_rows(120)
    for number, row in enumerate(rows):
        clause = "请市水务局核实处理。" if row["department"] == "water_supply" else "请区城管局核实处理。"
        row["text"] = f"{row['text']}。{clause}"
        row["unit"] = f"{number}号单位" if number < 3 else row["unit"]
    file = write_jsonl(tmp_path / "train.jsonl", rows)
    options = ["--init", str(tiny_encoder), "--epochs", "1", "--output", str(tmp_path / "model")]
    choices = ["--rare", "merge", "--floor", "4", "--cut-answers", "--target", "unit=unit"]
    assert cli.main(["train", "--train", str(file), *options, *choices]) == 0
    assert "complaint-router: unit: 3 of 5 labels have fewer than 4 rows" in capsys.readouterr().err
    assert Router.from_pretrained(tmp_path / "model").targets["unit"] == ("其他", "城管大队", "自来水公司")
    told = report(tmp_path / "model")["data"]
    assert (told["rare_policy"], told["answers_cut"]) == ("merge", True)
    assert told["rare"]["unit"] == {"0号单位": 1, "1号单位": 1, "2号单位": 1}


def test_killed_and_resumed_through_the_command(tiny_encoder: Path, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "train.jsonl", labelled_rows(600))

    def arguments(name: str) -> list[str]:
        options = ["--target", "kind=kind", "--init", str(tiny_encoder), "--epochs", "6", "--output", name]
        return [str(COMMAND), "train", "--train", str(file), *options]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(arguments("whole"), cwd=tmp_path, env=environment, check=True, capture_output=True)
    process = subprocess.Popen(arguments("broken"), cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    checkpoint = tmp_path / "broken.training" / "fold-3.pt"
    while not checkpoint.is_file():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "broken").exists()
    subprocess.run([*arguments("broken"), "--resume"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    for name in (FILES.graph, FILES.weights, FILES.linear, FILES.calibration):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"auto_precision": 95}, "auto_precision is 95; name a share between 0 and 1"),
        ({"rare": "hide"}, "rare is 'hide'; name one of keep, merge, drop"),
        ({"epochs": 0}, "epochs is 0; name a whole number from 1 up"),
        ({"seed": -1}, "seed is -1; name a whole number from 0"),
        ({"language": "fr"}, "language is 'fr'; name one of zh, en"),
    ],
)
def test_a_plan_that_cannot_be_is_told(plan: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=message):
        complaint_router.train(labelled_rows(20), targets={"kind": "kind"}, output=tmp_path / "model", **plan)


def test_too_few_labels_after_dropping_are_told(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [{**row, "kind": "投诉"} for row in labelled_rows(20)]
    rows[0]["kind"] = "咨询"
    with pytest.raises(DataError, match=r"target kind: the rows have 1 label\(s\)"):
        complaint_router.train(
            rows, targets={"kind": COLUMNS["kind"]}, output=tmp_path / "model", init=tiny_encoder, rare="drop"
        )


def test_rows_that_the_model_has_learned_from_are_not_measured_on(tiny_model: Path, tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']}，新的"} for row in labelled_rows(300)]
    options: dict[str, Any] = {"targets": {"kind": "kind"}, "epochs": 1}
    first = complaint_router.train(rows[:150], output=tmp_path / "first", init=tiny_model, **options)
    assert (first.rows, first.held) == (150, 150)
    grown = complaint_router.train(rows, output=tmp_path / "grown", init=tmp_path / "first", **options)
    assert grown.rows == 300
    assert 100 <= grown.held <= 150  # less those that are nearly known
    again = complaint_router.train(rows, output=tmp_path / "again", init=tmp_path / "grown", **options)
    assert "seen:kind" in again.account["verdict"]["reasons"]
    assert not again.account["verdict"]["promote"]


def test_a_dev_file_shares_no_row_and_its_own_labels_count_as_wrong(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = labelled_rows(80)
    dev = [{**row, "unit": "新设单位"} if number < 5 else row for number, row in enumerate(rows[:20])]
    trained = complaint_router.train(
        rows, targets={"unit": "unit"}, dev=write_jsonl(tmp_path / "dev.jsonl", dev), output=tmp_path / "model",
        init=tiny_encoder, epochs=1,
    )  # fmt: skip
    assert trained.rows <= 60
    assert trained.held == 20
    assert trained.account["targets"]["unit"]["accuracy"] <= 0.75
    assert trained.account["targets"]["unit"]["coverage"] == 0


def test_a_former_model_of_other_labels_is_said_to_be_not_comparable(
    tiny_model: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    rows = [{**row, "kind": f"{row['kind']}类"} for row in labelled_rows(150)]
    options: dict[str, Any] = {"targets": {"kind": "kind"}, "output": tmp_path / "model", "init": tiny_encoder}
    trained = complaint_router.train(rows, against=tiny_model, epochs=1, **options)
    assert trained.account["against"] is None
    assert "not_comparable:kind" in trained.account["verdict"]["reasons"]
    with pytest.raises(ModelError, match="nowhere: there is no such model folder"):
        complaint_router.train(rows, against=tmp_path / "nowhere", **options)


def test_rows_that_say_nothing_are_told(tiny_encoder: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"targets": {"kind": "kind"}, "output": tmp_path / "model", "init": tiny_encoder}
    with pytest.raises(DataError, match="no row has Chinese text; name the column of the text with --text-field"):
        complaint_router.train(labelled_rows(20), text_field="id", **options)
    same = [{**row, "text": "家里停水两天了"} for row in labelled_rows(20)]
    with pytest.raises(DataError, match=r"the rows have 1 different text\(s\), and at least 4 are needed"):
        complaint_router.train(same, **options)
