"""The learning curve: how well fewer rows would have done, so that a city sees what more labelling would bring."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from complaint_router.folder import FULL, TIERS
from complaint_router.learn.balance import balance
from complaint_router.learn.batch import blanked, encode
from complaint_router.learn.calibrate import calibrate, fit_mixes, judge
from complaint_router.learn.data import LabelledData
from complaint_router.learn.fit import fit, predict
from complaint_router.learn.linear import fit_linear
from complaint_router.learn.model import start_from
from complaint_router.learn.plan import Plan
from complaint_router.learn.write import right_labels
from complaint_router.taxonomy import Taxonomy
from complaint_router.text import prepare

_log = logging.getLogger("complaint_router")

FIRST = 500
"""Rows of the first point; each further one has twice as many."""


def learning_curve(
    data: LabelledData,
    held: LabelledData,
    targets: Mapping[str, Sequence[str]],
    taxonomy: Taxonomy,
    plan: Plan,
) -> list[dict[str, Any]]:
    """Train on 500 rows, 1,000, 2,000 … of `data`, as long as there are more, and measure each on `held`.

    The network is not exported here, so the figures differ a little from those of a model that was written.
    """
    shuffled = np.random.default_rng(plan.seed).permutation(len(data.examples)).tolist()
    if len(shuffled) <= FIRST:
        _log.warning(f"no learning curve: it begins at {FIRST} rows, and {len(shuffled):,} are learned from")
    points = []
    size = FIRST
    while size < len(shuffled) and held.examples:
        part = [data.examples[at] for at in shuffled[:size]]
        start = start_from(plan.init, targets, taxonomy)
        for target in [name for name in start.model.targets if name not in targets]:
            start.model.drop(target)
        unseen = encode(held.examples, start)
        examples = encode(part, start)
        fit(
            start.model, examples, unseen, epochs=plan.epochs, seed=plan.seed,
            twins=blanked(examples, start.tokens, plan.seed),
        )  # fmt: skip
        balance(start.model, examples, targets)
        logits = predict(start.model, unseen, f"measuring {size:,} rows")
        linear = fit_linear(part, targets, None, plan.seed)
        scores = linear.scores([prepare(example.text) for example in held.examples]).beside
        right = {target: right_labels(held.examples, target, labels) for target, labels in targets.items()}
        mixes = fit_mixes(logits, scores, right)
        mixed = {
            FULL: {target: values + np.float32(mixes[target]) * scores[target] for target, values in logits.items()}
        }
        whole = np.full(len(held.examples), TIERS.index(FULL), np.int8)
        judged = judge(calibrate(mixed, whole, right, targets), mixed, whole, held.examples, targets)
        measures = {target: answers.measures() for target, answers in judged.items()}
        points.append(
            {
                "rows": size,
                "targets": {
                    target: {"accuracy": found.accuracy, "macro_f1": found.macro_f1}
                    for target, found in measures.items()
                },
            }
        )
        size *= 2
    return points
