"""Whole files: rows a second and memory, through the command line, beside a script with pandas and a linear SVM.

    pip install -c constraints.txt '.[benchmark]'
    python benchmarks/backlog.py --texts haikou/train.jsonl --label department [--rows 1000000] [--format csv]
        [--workers 1 2] [--rounds 3] [--model DIR] [--home 460100] [--group-duplicates] [--no-peer]

A file of `--rows` rows is made of the texts, each with a number of its own, and of columns such as hotlines have. The
contenders take turns, `--rounds` times. Seconds are those of the whole command, loading of the model included; for the
peer, which learns from the same file first, those from reading to writing, and only as .csv. Memory is the most that a
command and all its processes held together: pages that they share counted once (PSS), and once for each (RSS). Prints
Markdown. Needs Linux.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from complaint_router.backlog import open_source

PEER = "pandas, TF-IDF + linear SVM"


@dataclass
class Found:
    """What was measured of one contender."""

    seconds: list[float] = field(default_factory=list)
    pss: float = 0.0
    rss: float = 0.0
    rows_out: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True, help="JSON Lines of complaints, labelled for the peer")
    parser.add_argument("--text-field", default="text")
    parser.add_argument("--label", default="department")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", default="csv", help="csv, csv.gz, jsonl, parquet or xlsx")
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--no-peer", action="store_true")
    args, options = parser.parse_known_args()

    with TemporaryDirectory() as name:
        folder = Path(name)
        made = folder / "made.csv"
        texts = [row[args.text_field] for row in open_source(args.texts).rows()]
        make(made, texts, args.rows)
        source, output = folder / f"in.{args.format}", folder / f"out.{args.format}"
        peer = folder / "peer.csv"
        convert(made, source)
        route = [sys.executable, "-m", "complaint_router.cli", "route", "--input", source, "--output", output, *options]
        contenders = {
            f"complaint-router, {count} worker{'s' * (count > 1)}": [*route, "--workers", count]
            for count in args.workers
        }
        if not args.no_peer:
            script = Path(__file__).with_name("pandas_svm.py")
            contenders[PEER] = [sys.executable, script, args.texts, args.text_field, args.label, made, peer]
        found = {name: Found() for name in contenders}
        for _ in range(args.rounds):
            for name, command in contenders.items():
                written = peer if name == PEER else output
                written.unlink(missing_ok=True)
                measure([str(part) for part in command], found[name], told=name == PEER)
                found[name].rows_out = sum(1 for _ in open_source(written).rows())
    print(table(found, args.rows))


def make(path: Path, texts: Sequence[str], rows: int) -> None:
    """A file of tickets: the texts in random order, each with another number behind it."""
    chance = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["工单编号", "受理时间", "来源", "text", "回访"])
        for number in range(rows):
            day = f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02} 08:30:00"
            text = f"{chance.choice(texts)}（编号{chance.randrange(10**8):08}）"
            writer.writerow([f"T{number:09}", day, chance.choice(["电话", "微信", "网站"]), text, "已回访，满意"])


def convert(made: Path, source: Path) -> None:
    """The same rows in another format."""
    ending = "".join(source.suffixes)
    if ending == ".csv":
        made.rename(source)
        made.symlink_to(source)
    elif ending == ".csv.gz":
        subprocess.run(f"gzip -c {made} > {source}", shell=True, check=True)
    else:
        import pandas as pd

        frame = pd.read_csv(made, dtype=str)
        if ending == ".parquet":
            frame.to_parquet(source)
        elif ending == ".jsonl":
            frame.to_json(source, orient="records", lines=True, force_ascii=False)
        else:
            frame.to_excel(source, index=False)


def measure(command: Sequence[str], found: Found, *, told: bool) -> None:
    """Run a command and watch the memory of all its processes; `told`: it prints its seconds."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        pids = _family(process.pid)
        found.pss = max(found.pss, sum(_memory(pid, "Pss:") for pid in pids))
        found.rss = max(found.rss, sum(_memory(pid, "Rss:") for pid in pids))
        time.sleep(0.25)
    seconds = time.perf_counter() - begin
    printed = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{command[0]} … ended with {process.returncode}")
    found.seconds.append(float(printed) if told else seconds)


def table(found: dict[str, Found], rows: int) -> str:
    lines = [
        "| | rows in | rows out | seconds | rows a second | memory of all processes, PSS (RSS) |",
        "|---|---|---|---|---|---|",
    ]
    for name, each in found.items():
        rates = sorted(rows / seconds for seconds in each.seconds)
        spread = f" ({rates[0]:,.0f}–{rates[-1]:,.0f})" if len(rates) > 1 else ""
        lines.append(
            f"| {name} | {rows:,} | {each.rows_out:,} | {median(each.seconds):,.1f} | {median(rates):,.0f}{spread} "
            f"| {each.pss:,.0f} MB ({each.rss:,.0f} MB) |"
        )
    return "\n".join(lines)


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text("ascii").split():
                found += _family(int(child))
        except OSError:  # it has just ended
            continue
    return found


def _memory(pid: int, kind: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:  # it has just ended
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(kind)), 0.0)


if __name__ == "__main__":
    main()
