"""Speed beside accuracy: this library and those that do the same, in one run, on one core, in turns.

    pip install -c constraints.txt '.[benchmark]'
    python benchmarks/throughput.py --model DIR --train haikou/train.jsonl --dev haikou/dev.jsonl \\
        [--letters messages7/dev.jsonl] [--home 460100] [--plot FILE.svg]

`--model` is what `retraining.py --task haikou --output DIR` wrote; the linear models and fastText are trained here on
the same rows, transformers and onnxruntime run the same weights. Each has a process of its own; all are bound to one
core and take turns, five rounds, so that whatever else the machine does hits all alike. Rates are medians over the
rounds, with the least and the largest behind them. Short texts are those of `--dev`, repeated to 20,000; single calls
are made with those of at most 60 characters; memory is the most that a process held, what it loads included; cold start
is the time from asking for the process to its first answer. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from complaint_router.learn.data import read_labelled
from complaint_router.metrics import accuracy
from contenders import CONTENDERS, Material, serve, train_others

ROUNDS = 5
SECONDS = 6.0
"""Of each contender in each round."""
TEXTS = 20_000
CALLS = 400
"""Single calls of each contender in each round."""
SHORT = 60
"""Characters up to which a text is short."""
OURS, ENCODER, PIPELINE = list(CONTENDERS)[:3]
PADDED, ONE_BY_ONE, SORTED, SVM = list(CONTENDERS)[3:7]


@dataclass
class Found:
    """What was measured of one contender."""

    rates: list[float] = field(default_factory=list)
    letter_rates: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    memory: float = 0.0
    size: float = 0.0
    accuracy: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--letters", type=Path)
    parser.add_argument("--home")
    parser.add_argument("--plot", type=Path, help="write the plot here")
    args = parser.parse_args()
    target, columns = "department", {"department": "department"}
    train, dev = (read_labelled([file], targets=columns).examples for file in (args.train, args.dev))
    letters = (
        read_labelled([args.letters], targets={"category": "class7"}, title_field="title").examples
        if args.letters
        else []
    )
    with TemporaryDirectory() as scratch:
        material = Material(args.model, Path(scratch), target, args.home)
        texts = [example.text for example in train]
        train_others(material.others, args.model, target, texts, [each.labels[target][0] for each in train])
        found = measure(
            material,
            [example.text for example in dev],
            [example.labels[target] for example in dev],
            [example.text for example in letters],
        )
    print(table(found))
    print(ratios(found))
    print(f"\nOne core of {processor()}.")
    if args.plot:
        plot(found, args.plot)


def measure(
    material: Material, texts: list[str], labels: list[tuple[str, ...]], letters: list[str]
) -> dict[str, Found]:
    """Let all of them run in turns."""
    os.environ.update({"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"})
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})  # the processes begun here inherit it
    found = {name: Found(size=each.size(material) / 1e6) for name, each in CONTENDERS.items()}
    processes = {name: _start(name, material) for name in CONTENDERS}
    for name, (pipe, _) in processes.items():
        found[name].starts.append(pipe.recv())
        given = _ask(pipe, "labels", texts, 0.0)
        found[name].accuracy = accuracy(labels, given)
    many = list(islice(cycle(texts), TEXTS))
    short = [text for text in texts if len(text) <= SHORT]
    for number in range(ROUNDS):
        for name, (pipe, _) in processes.items():
            done, seconds = _ask(pipe, "rate", many, SECONDS)
            found[name].rates.append(done / seconds)
            if letters:
                done, seconds = _ask(pipe, "rate", letters, SECONDS)
                found[name].letter_rates.append(done / seconds)
            calls = random.Random(number).choices(short, k=CALLS)
            found[name].calls += _ask(pipe, "single", calls, 0.0)
    for name, (pipe, process) in processes.items():
        pipe.send(None)
        found[name].memory = pipe.recv()
        process.join()
    for _ in range(2):
        for name in CONTENDERS:
            pipe, process = _start(name, material)
            found[name].starts.append(pipe.recv())
            pipe.send(None)
            pipe.recv()
            process.join()
    os.sched_setaffinity(0, cores)
    return found


def table(found: dict[str, Found]) -> str:
    """All measures, a line for each contender."""
    lines = [
        "| | accuracy | texts/s | letters/s | single call p50 | p99 | memory | cold start | size |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, each in found.items():
        p50, p99 = (1e3 * float(np.quantile(each.calls, share)) for share in (0.5, 0.99))
        cells = [
            f"{each.accuracy:.3f}", _spread(each.rates), _spread(each.letter_rates), f"{p50:.2f} ms", f"{p99:.2f} ms",
            f"{each.memory:.0f} MB", f"{median(each.starts):.2f} s", f"{each.size:.0f} MB",
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratios(found: dict[str, Found]) -> str:
    """How many times as fast as others ours is, text to Route."""
    best = max((ONE_BY_ONE, SORTED), key=lambda name: median(found[name].rates))
    lines = [f"\n| {OURS}, times as fast as | short texts | letters |", "|---|---|---|"]
    for name in (PIPELINE, best, SVM):
        cells = [
            f"{median(getattr(found[OURS], rates)) / median(getattr(found[name], rates)):.3g}"
            if getattr(found[name], rates)
            else ""
            for rates in ("rates", "letter_rates")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(found: dict[str, Found], path: Path) -> None:
    """Speed against accuracy."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, each in found.items():
        rate, ours = median(each.rates), name.startswith("complaint-router")
        axes.scatter([rate], [each.accuracy], s=70 if ours else 40, color="tab:red" if ours else "tab:gray")
        left = rate > 4_000 or name == ONE_BY_ONE
        place = (-6 if left else 6, {PADDED: -12, SORTED: -12, ONE_BY_ONE: -4}.get(name, 6))
        axes.annotate(
            name, (rate, each.accuracy), place, textcoords="offset points", fontsize=8, ha="right" if left else "left"
        )
    axes.set(xscale="log", xlabel="texts a second on one core", ylabel="accuracy, function of the unit")
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def processor() -> str:
    """Name of the processor, and which of the instructions it has that int8 products are fast with."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    known = {"avx2": "AVX2", "avx512_vnni": "AVX-512 VNNI", "avx_vnni": "AVX VNNI", "amx_int8": "AMX int8"}
    flags = set(values.get("flags", "").split())
    has = [name for flag, name in known.items() if flag in flags]
    lacks = [name for flag, name in known.items() if flag not in flags]
    return f"{values.get('model name', 'an unknown processor')} with {', '.join(has)}, without {', '.join(lacks)}"


def _spread(rates: list[float]) -> str:
    return f"{median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})" if rates else ""


def _start(name: str, material: Material) -> tuple[Any, Any]:
    context = get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=serve, args=(name, material, other, time.time()), daemon=True)
    process.start()
    other.close()  # so that a process that dies ends the wait for its answer
    return pipe, process


def _ask(pipe: Any, kind: str, texts: list[str], seconds: float) -> Any:
    pipe.send((kind, texts, seconds))
    return pipe.recv()


if __name__ == "__main__":
    main()
