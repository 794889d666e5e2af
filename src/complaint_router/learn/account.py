"""The account of a training: data, measures, what changed, and the verdict, as plain data and as a page.

`report.json` holds it for programs, `report.html` for people. Neither holds the text of a complaint: a row is told by
where it stands in its file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from complaint_router import __version__
from complaint_router.answers import Answers
from complaint_router.folder import FILES
from complaint_router.learn.calibrate import precision_bound
from complaint_router.learn.compare import Change
from complaint_router.learn.fit import Epoch, best_epoch
from complaint_router.learn.report import render
from complaint_router.learn.write import Written
from complaint_router.metrics import expected_calibration_error
from complaint_router.taxonomy import Taxonomy

FEW = 100
"""Held-out texts of a target below which its measures say little."""
LARGEST_ECE = 0.05
FALLEN = 0.05
"""By so much may automatic dispatch shrink before the verdict says so."""
_ERRORS = 50
_DRAWS = 200
_SIDE = 1.96
"""Standard deviations of a two-sided interval of 95 %."""


def account(
    written: Written,
    *,
    taxonomy: Taxonomy,
    data: Mapping[str, Any],
    training: Mapping[str, Any],
    history: Sequence[Epoch],
    changes: Mapping[str, Change],
    former: str | None,
    seen: bool,
    asked: bool,
    curve: Sequence[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """Gather everything.

    Args:
        written: the model.
        taxonomy: names its labels.
        data: what the audit found, and what was done about it.
        training: rows, held-out rows, how they were split, seed, minutes and start.
        history: the epochs.
        changes: against the former model, by target.
        former: name of that model.
        seen: whether the model gone on from has learned from rows measured on.
        asked: whether the comparison was asked for.
        curve: measures by number of rows.
    """
    verdict = _verdict(written, changes, seen, asked)
    return {
        "name": written.config.name,
        "version": __version__,
        "day": datetime.now(timezone.utc).date().isoformat(),
        "home": written.config.home,
        **{key: training[key] for key in ("init", "seed", "minutes", "auto_precision")},
        "data": data,
        "training": {
            **{key: training[key] for key in ("rows", "held", "split")},
            "epochs": [asdict(epoch) for epoch in history],
            "best": history.index(best_epoch(history)) + 1,
        },
        "targets": {
            target: _measured(written, target, answers, taxonomy) for target, answers in written.judged.items()
        },
        "cascade": {"answering": dict(written.answering), "changed": dict(written.changed)},
        "learning_curve": curve,
        "against": {
            "name": former,
            "targets": {target: _changed(target, each, taxonomy) for target, each in changes.items()},
        }
        if changes
        else None,
        "verdict": verdict,
    }


def write_account(folder: Path, content: Mapping[str, Any], language: str) -> None:
    """Write `report.json` and `report.html`; `language` is "zh" or "en"."""
    (folder / FILES.report_data).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / FILES.report).write_text(render(content, language), encoding="utf-8")


def _measured(written: Written, target: str, answers: Answers, taxonomy: Taxonomy) -> dict[str, Any]:
    measures = answers.measures()
    fitted = written.calibration.targets[target]
    auto = sum(answers.auto)
    right = round((measures.auto_accuracy or 0) * auto)
    held_back = set(fitted.held_back)
    return {
        "n": measures.n,
        "accuracy": measures.accuracy,
        "accuracy_interval": _interval(measures.accuracy, measures.n),
        "macro_f1": measures.macro_f1,
        "top3": measures.top3,
        "ece": measures.ece,
        "threshold": fitted.threshold,
        "coverage": measures.auto_coverage,
        "auto_accuracy": measures.auto_accuracy,
        "auto_bound": precision_bound(right, auto) if auto else None,
        **{
            f"{half}_only": {"accuracy": each.accuracy, "macro_f1": each.macro_f1}
            for half, by_target in written.halves.items()
            if target in by_target
            for each in (by_target[target].measures(),)
        },
        "labels": [
            {**asdict(each), "name": taxonomy.label_name(target, each.label), "held_back": each.label in held_back}
            for each in answers.labels()
        ],
        "confusion": [{"right": was, "given": given, "n": n} for was, given, n in answers.confusions()],
        "reliability": [{"score": score, "right": share, "n": n} for score, share, n in answers.reliability()],
        "coverage_curve": [
            {"share": share, "right": hits, "score": score} for share, hits, score in answers.coverage_curve()
        ],
        "errors": [
            {
                "row": answers.rows[at],
                "label": answers.right[at][0],
                "given": answers.given[at],
                "score": answers.ranked[at][0][1],
            }
            for at in answers.confident_errors(_ERRORS)
        ],
    }


def _ece_by_chance(answers: Answers) -> float:
    """The error that 95 % of scores stay under which are true: of few answers it is never small."""
    scores = answers.scores
    if scores is None:
        return 0.0
    draws = np.random.default_rng(0).random((_DRAWS, len(scores))) < scores
    errors = [expected_calibration_error(scores.tolist(), draw.tolist()) for draw in draws]
    return float(np.quantile(errors, 0.95))


def _interval(share: float, n: int) -> list[float]:
    """Wilson's interval (JASA 1927): where the share lies with 95 % confidence."""
    square = _SIDE**2 / n
    middle = share + square / 2
    half = _SIDE * ((share * (1 - share) + square / 4) / n) ** 0.5
    return [(middle - half) / (1 + square), (middle + half) / (1 + square)]


def _changed(target: str, each: Change, taxonomy: Taxonomy) -> dict[str, Any]:
    labels = [
        {"label": label, "name": taxonomy.label_name(target, label), "won": won, "lost": lost}
        for label, won, lost in each.labels
    ]
    n = each.won + each.lost + each.same_right + each.same_wrong
    return {**asdict(each), "verdict": each.verdict, "n": n, "labels": labels}


def _verdict(written: Written, changes: Mapping[str, Change], seen: bool, asked: bool) -> dict[str, Any] | None:
    """Promote or keep: a model must be better than the former one somewhere, worse nowhere, and honest.

    Without a former model there is nothing to keep; then it must only be honest. None where nothing was held out.
    """
    if not written.judged:
        return None
    reasons, grave = [], []
    for target, each in changes.items():
        reasons.append(f"{each.verdict}:{target}")
        if each.verdict == "worse":
            grave.append(target)
    for target, answers in written.judged.items():
        if seen:
            reasons.append(f"seen:{target}")
            grave.append(target)
        if asked and target not in changes:
            reasons.append(f"not_comparable:{target}")
            grave.append(target)
        measures, fitted = answers.measures(), written.calibration.targets[target]
        if target in changes and changes[target].coverage_before - measures.auto_coverage > FALLEN:
            reasons.append(f"coverage_fell:{target}")
        if measures.n < FEW:
            reasons.append(f"few:{target}")
            grave.append(target)
        if not measures.auto_coverage:
            reasons.append(f"no_threshold:{target}")
        elif (measures.auto_accuracy or 0) < fitted.precision:
            reasons.append(f"imprecise:{target}")
            grave.append(target)
        if measures.ece is not None and measures.ece > max(LARGEST_ECE, _ece_by_chance(answers)):
            reasons.append(f"uncalibrated:{target}")
            grave.append(target)
    better = any(each.verdict == "better" for each in changes.values())
    return {"promote": not grave and (better or not changes), "reasons": reasons}
