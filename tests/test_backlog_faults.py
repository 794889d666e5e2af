"""Runs that are killed, interrupted or left without disk go on, and end with the same bytes."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from complaint_router import DataError, Router
from complaint_router.backlog import chunk, open_source, route_file, writers
from complaint_router.backlog.journal import Journal

FORMATS = ["csv", "jsonl", "parquet", "xlsx", "csv.gz"]
TEXTS = ["家里停水两天了", "楼下酒吧音响震天响", "工地半夜打桩", "", "only English", "水费突然多了一倍"]


def write_input(path: Path, count: int) -> Path:
    rows = (
        {"id": number, "text": f"{TEXTS[number % len(TEXTS)]}{number // 7 * (number % 6 < 3) or ''}"}
        for number in range(count)
    )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "ROWS", 16)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")
@pytest.mark.parametrize("ending", FORMATS)
def test_killed_at_30_random_moments_the_output_is_that_of_an_unbroken_run(
    tiny_model: Path, tiny_router: Router, tmp_path: Path, ending: str
) -> None:
    source = write_input(tmp_path / "rows.jsonl", 400)
    route_file(tiny_router, source, tmp_path / f"in.{ending}")
    names = [tiny_model, *(tmp_path / f"{name}.{ending}" for name in ("in", "out", "rejects"))]
    command = [sys.executable, str(Path(__file__).with_name("kill_runs.py")), *map(str, names), "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    killed, ended = map(int, done.stdout.split())
    assert killed == 30
    assert ended > 1
    assert not list(tmp_path.glob("out*.partial*"))
    assert not list(tmp_path.glob("*.writing*"))


@pytest.mark.usefixtures("small_chunks")
# XlsxWriter leaves files open when it cannot write.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_a_full_disk_is_told_and_the_run_goes_on_from_there(
    tiny_router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    source = write_input(tmp_path / "in.jsonl", 3_000)
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    route_file(tiny_router, source, whole)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for size in (20_480, 60_000, whole.stat().st_size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
            with pytest.raises(OSError, match="the same command goes on"):
                route_file(tiny_router, source, out)
            assert not out.exists()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    routed = []
    route_batch = Router.route_batch

    def counted(self: Router, texts: list[str]) -> object:
        routed.extend(texts)
        return route_batch(self, texts)

    monkeypatch.setattr(Router, "route_batch", counted)
    route_file(tiny_router, source, out)
    assert len(routed) < 3_000
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("small_chunks")
def test_ctrl_c_says_how_to_go_on_and_no_row_is_routed_twice(
    tiny_router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_input(tmp_path / "in.jsonl", 160), tmp_path / "out.jsonl"
    add, route_batch, routed = Journal.add, Router.route_batch, list[str]()

    def counted(self: Router, texts: list[str]) -> object:
        routed.extend(texts)
        return route_batch(self, texts)

    def interrupted(self: Journal, number: int, *rest: object) -> None:
        add(self, number, *rest)  # type: ignore[arg-type]
        if number == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Router, "route_batch", counted)
    monkeypatch.setattr(Journal, "add", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after 64 rows; the same command goes on from there"):
        route_file(tiny_router, source, out)
    assert not out.exists()
    monkeypatch.setattr(Journal, "add", add)
    assert route_file(tiny_router, source, out).rows == 160
    assert len(routed) == 160
    assert [row["id"] for row in open_source(out).rows()] == list(range(160))


def test_ctrl_c_on_the_command_line_with_workers(tiny_model: Path, tmp_path: Path) -> None:
    source, out = write_input(tmp_path / "in.csv.jsonl", 60_000), tmp_path / "out.csv"
    command = [sys.executable, "-m", "complaint_router.cli", "route", "--model", str(tiny_model)]
    command += ["--input", str(source), "--output", str(out), "--workers", "2"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    journal = tmp_path / "out.csv.partial"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size > 100_000):
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 1
    assert re.fullmatch(r"complaint-router: stopped after [\d,]+ rows; the same command goes on from there\n", told)


def test_the_journal_of_another_run_is_not_gone_on_from(
    tiny_router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_input(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("complaint_router.backlog.run._Run.write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            route_file(tiny_router, source, out)
    with pytest.raises(DataError, match=r"out\.jsonl\.partial: holds an unfinished run with another grouping; remove"):
        route_file(tiny_router, source, out, group_duplicates=True)
    write_input(source, 21)
    with pytest.raises(DataError, match=r"with another input; remove it to begin anew"):
        route_file(tiny_router, source, out)
    (tmp_path / "out.jsonl.partial").write_bytes(b"{}\n" * 1000)
    with pytest.raises(DataError, match=r"is no journal of a run"):
        route_file(tiny_router, source, out)


def test_two_runs_do_not_write_the_same_output(
    tiny_router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_input(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"
    told = []
    finish = writers.Writer.finish

    def second_start(self: writers.Writer) -> None:
        with pytest.raises(DataError) as raised:
            route_file(tiny_router, source, out)
        told.append(str(raised.value))
        finish(self)

    monkeypatch.setattr(writers.Writer, "finish", second_start)
    assert route_file(tiny_router, source, out).rows == 20
    assert "another run is at work on it" in told[0]
    assert len(list(open_source(out).rows())) == 20


def test_an_input_that_changes_meanwhile_is_told(
    tiny_router: Router, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_input(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"
    add = Journal.add

    def changed(self: Journal, number: int, *rest: object) -> None:
        add(self, number, *rest)  # type: ignore[arg-type]
        write_input(source, 21)

    monkeypatch.setattr(Journal, "add", changed)
    with pytest.raises(DataError, match=r"in\.jsonl: was changed while it was read"):
        route_file(tiny_router, source, out)
    assert not out.exists()
    monkeypatch.setattr(Journal, "add", add)

    answers = Journal.answers

    def changed_late(self: Journal) -> object:
        write_input(source, 15)
        return answers(self)

    (tmp_path / "out.jsonl.partial").unlink()
    monkeypatch.setattr(Journal, "answers", changed_late)
    with pytest.raises(DataError, match=r"in\.jsonl: was changed while it was read"):
        route_file(tiny_router, source, out)
    assert not out.exists()


def test_a_link_leads_to_the_output(tiny_router: Router, tmp_path: Path) -> None:
    source, target, link = write_input(tmp_path / "in.jsonl", 2), tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.touch()
    link.symlink_to(target)
    route_file(tiny_router, source, link)
    assert link.is_symlink()
    assert len(list(open_source(target).rows())) == 2
