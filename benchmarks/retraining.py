"""Retraining on a city's tickets beside the strong simple baseline, in one run.

    python benchmarks/retraining.py --task haikou --data DIR [--limit N] [--output DIR]

Tasks: `haikou` (function of the unit that a ticket went to, `haikou/train.jsonl` and `dev.jsonl` in the data folder),
`units` (that unit itself, of the same files) and `messages7` (7 petition classes of letters). Ours is
`complaint_router.learn.train.train` from the bundled model; the dev file is used for the measures alone. The baseline
is scikit-learn's character 1–3-gram TF-IDF with a linear SVM. Prints a Markdown table; "share at 95 %" is the largest
share of the dev rows, the surest first, of which 95 % are right: what a threshold chosen on the dev rows themselves
would dispatch.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from complaint_router import Router
from complaint_router.answers import Answers
from complaint_router.evaluation import evaluate_on
from complaint_router.learn.calibrate import AUTO_PRECISION
from complaint_router.learn.data import LabelledData, read_labelled
from complaint_router.learn.train import train
from complaint_router.metrics import accuracy, macro_f1, top_k


@dataclass(frozen=True)
class Task:
    folder: str
    target: str
    field: str
    title_field: str | None
    home: str | None


TASKS = {
    "haikou": Task("haikou", "department", "department", None, "460100"),
    "units": Task("haikou", "unit", "unit", None, "460100"),
    "messages7": Task("messages7", "category", "class7", "title", None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the tasks' folders")
    parser.add_argument("--limit", type=int, help="train on the first N rows")
    parser.add_argument("--output", type=Path, help="keep the trained model here")
    args = parser.parse_args()
    task = TASKS[args.task]
    files = [args.data / task.folder / name for name in ("train.jsonl", "dev.jsonl")]
    sets = [
        read_labelled([file], targets={task.target: task.field}, title_field=task.title_field, limit=limit)
        for file, limit in zip(files, (args.limit, None), strict=True)
    ]
    print(f"{args.task}: {len(sets[0].examples):,} rows to train on, {len(sets[1].examples):,} dev rows\n")
    print("| model | accuracy | macro-F1 | top 3 | ECE | auto share | auto accuracy | share at 95 % | training |")
    print("|---|---|---|---|---|---|---|---|---|")
    print(_baseline(task, *sets), flush=True)
    with TemporaryDirectory() as scratch:
        output = args.output or Path(scratch) / "model"
        trained = train(
            files[:1],
            targets={task.target: task.field},
            output=output,
            title_field=task.title_field,
            home=task.home,
            limit=args.limit,
        )
        found = evaluate_on(Router.from_pretrained(output), sets[1], (task.target,))
    scores, best = found.scores[task.target], found.answers[task.target].coverage_at(AUTO_PRECISION)
    print(
        f"| complaint-router | {scores.accuracy:.3f} | {scores.macro_f1:.3f} | {scores.top3:.3f} | {scores.ece:.3f} |"
        f" {scores.auto_coverage:.3f} | {scores.auto_accuracy or 0:.3f} | {best:.3f} | {trained.seconds / 60:.1f} min |"
    )


def _baseline(task: Task, train_set: LabelledData, dev_set: LabelledData) -> str:
    begin = time.perf_counter()
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    classifier = LinearSVC(C=1.0)
    features = vectorizer.fit_transform(example.text for example in train_set.examples)
    classifier.fit(features, [example.labels[task.target][0] for example in train_set.examples])
    seconds = time.perf_counter() - begin
    margins = classifier.decision_function(vectorizer.transform(example.text for example in dev_set.examples))
    order = np.argsort(-margins, axis=1)[:, :3]
    answers = Answers(
        right=[example.labels[task.target] for example in dev_set.examples],
        ranked=[
            [(classifier.classes_[at], float(row[at])) for at in best]
            for row, best in zip(margins, order.tolist(), strict=True)
        ],
        auto=[False] * len(order),
        rows=[""] * len(order),
    )
    numbers = (
        accuracy(answers.right, answers.given),
        macro_f1(answers.right, answers.given),
        top_k(answers.right, [[label for label, _ in candidates] for candidates in answers.ranked], 3),
    )
    cells = " | ".join(f"{number:.3f}" for number in numbers)
    return (
        f"| TF-IDF + linear SVM | {cells} | | | | {answers.coverage_at(AUTO_PRECISION):.3f} | {seconds / 60:.1f} min |"
    )


if __name__ == "__main__":
    main()
