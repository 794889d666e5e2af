"""Write a model folder: export the network, fit its linear partner, mix, calibrate, and tell how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.answers import Answers
from complaint_router.dispatch import Calibration
from complaint_router.engine import Engine
from complaint_router.engine.linear import Linear, Logits
from complaint_router.folder import FILES, FULL, LINEAR, TIERS, Config
from complaint_router.learn.calibrate import (
    AUTO_PRECISION,
    DEFAULT_MIX,
    Right,
    calibrate,
    calibrate_like,
    fit_mixes,
    judge,
)
from complaint_router.learn.card import write_card
from complaint_router.learn.cascade import fit_cascade, shares
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.export import Parity, Trial, export
from complaint_router.learn.fit import Epoch
from complaint_router.learn.linear import Answered, fit_linear
from complaint_router.learn.model import Start, encoder_values
from complaint_router.learn.plot import reliability
from complaint_router.learn.unseen import Unseen, held_out
from complaint_router.taxonomy import Taxonomy
from complaint_router.text import prepare

_TRIAL_TEXTS = 2_000
"""Most texts on which parity is measured."""
_SHOWN_TEXTS = 512
"""Most texts from which the scales of int8 are taken."""


@dataclass(frozen=True)
class Written:
    """A written model: its config, calibration and linear partner, and what the held-out texts say of it.

    `judged` holds its answers by target, `halves` those of its two halves ("encoder", "linear"), without scores;
    `answering` is the share of these texts that each tier of the cascade answers, `changed` the share of them, by
    target, to which the whole model would give another label.
    """

    config: Config
    calibration: Calibration
    linear: Linear
    parity: Parity
    judged: Mapping[str, Answers]
    halves: Mapping[str, Mapping[str, Answers]]
    answering: Mapping[str, float]
    changed: Mapping[str, float]


def write_model(
    folder: Path,
    start: Start,
    data: LabelledData,
    held: LabelledData,
    *,
    name: str,
    targets: Mapping[str, Sequence[str]],
    taxonomy: Taxonomy,
    home: str | None,
    seed: int,
    history: Sequence[Epoch],
    auto_precision: float = AUTO_PRECISION,
    unseen: Unseen | None = None,
    answered: Mapping[str, Answered] | None = None,
    notes: str = "",
) -> Written:
    """Write all files of a model but its places, units and report.

    Args:
        folder: where the files go; `replacing` gives one.
        start: the trained network with its tokenizer, and the model folder that it went on from, if any.
        data: the examples that it was trained on.
        held: the examples that chose the epoch; they mix and calibrate too, unless `unseen` does.
        name: of the model.
        targets: what was trained, with the labels of each.
        taxonomy: kept in the model.
        home: code of the division whose hotline this is; kept in the model.
        seed: of the linear partner's order of examples.
        history: the epochs of the training.
        auto_precision: share of automatic dispatches that shall be right.
        unseen: what networks like this one say of texts that they did not learn from. Default: what the written graph
            says of `held`.
        answered: what the model gives to `data` of targets that are kept from before; default: that is not learned.
        notes: Markdown for the model's card.

    Raises:
        ModelError: the exported graph does not do what the network does.
    """
    labels = start.model.targets
    kept = [target for target in labels if target not in targets]
    config = Config(
        name=name,
        targets=labels,
        max_tokens=start.tokens.max_tokens,
        encoder=encoder_values(start.model.encoder),
        home=home,
        taught=tuple(targets) if kept else (),
    )
    config.save(folder)
    start.tokens.tokenizer.save(str(folder / FILES.tokenizer), pretty=False)
    start.model.save(folder)
    (folder / FILES.taxonomy).write_text(taxonomy.source, encoding="utf-8")
    linear = fit_linear(data.examples, targets, start.partner(), seed, answered)
    crossed = unseen is not None
    trial = _trial(linear, unseen, held if held.examples else data, data, targets)
    parity = export(start.model, start.tokens, folder / FILES.graph, trial)
    if unseen is None:
        # Mixed and calibrated is what serves: the graph as it was written, not the network.
        unseen = held_out(Engine(folder, config), linear, held.examples, data.examples, targets, home)
    right = _right(unseen, targets)
    linear = linear.mixed(fit_mixes(unseen.said, unseen.scores.beside, right))
    linear.save(folder)
    mixed: dict[str, Logits] = {FULL: linear.mix(unseen.said, unseen.scores)}
    # A unit head that is kept weighs places by a directory that is not at hand here: how that turns n-grams is unknown.
    if linear.heads.keys() == labels.keys() and "unit" not in kept:
        mixed[LINEAR] = unseen.scores.alone
    cascade, answering = fit_cascade(mixed, right, unseen.placed)
    cascade.save(folder)
    tiers = _placed(mixed, unseen.placed)
    fitted = calibrate(tiers, answering, right, targets, auto_precision)
    before = Calibration.load(start.folder).targets if start.folder else {}
    likened = {
        target: replace(
            before[target],
            curves=calibrate_like(before[target].curves[FULL], {tier: each[target] for tier, each in tiers.items()}),
        )
        for target in kept
    }
    calibration = Calibration({**fitted.targets, **likened})
    calibration.save(folder)
    judged = judge(fitted, tiers, answering, unseen.examples, targets)
    if judged:
        (folder / FILES.plot).write_text(reliability(judged), encoding="utf-8")
    every = np.full(len(answering), TIERS.index(FULL), np.int8)
    halves = {
        half: judge(fitted, {FULL: logits}, every, unseen.examples, targets)
        for half, logits in (("encoder", unseen.said), ("linear", unseen.scores.beside))
    }
    written = Written(
        config, calibration, linear, parity, judged, halves, shares(answering), _changed(tiers, answering)
    )
    write_card(folder, written, data, len(unseen.examples), crossed, history, list(targets), notes)
    return written


def _trial(
    linear: Linear,
    unseen: Unseen | None,
    judged: LabelledData,
    data: LabelledData,
    targets: Mapping[str, Sequence[str]],
) -> Trial:
    """Texts on which the graph is held to the network, as it will be mixed, and some of those learned from."""
    examples = _spread(judged.examples, _TRIAL_TEXTS)
    texts = [prepare(example.text) for example in examples]
    shown = [prepare(example.text) for example in _spread(data.examples, _SHOWN_TEXTS)]
    scores = linear.scores(texts).beside
    right = {target: right_labels(examples, target, labels) for target, labels in targets.items()}
    mixes = fit_mixes(unseen.said, unseen.scores.beside, _right(unseen, targets)) if unseen else {}
    added = {
        target: np.float32(mixes.get(target, DEFAULT_MIX if target in targets else head.mix)) * scores[target]
        for target, head in linear.heads.items()
    }
    return Trial(texts, added, right, shown)


def _spread(examples: Sequence[Example], most: int) -> Sequence[Example]:
    """So many of the examples, evenly spread: files may be sorted by label."""
    return [examples[at] for at in np.linspace(0, len(examples) - 1, min(most, len(examples))).astype(int).tolist()]


def _placed(tiers: Mapping[str, Logits], placed: NDArray[np.float32] | None) -> dict[str, Logits]:
    """With what the place adds to the logits of units."""
    if placed is None:
        return dict(tiers)
    return {tier: {**logits, "unit": logits["unit"] + placed} for tier, logits in tiers.items()}


def _changed(tiers: Mapping[str, Logits], answering: NDArray[np.int8]) -> dict[str, float]:
    """Share of the texts, by target, to which the whole model would give another label than the tier that answers."""
    alone = answering == TIERS.index(LINEAR)
    return {
        target: float(np.mean(alone & (tiers[LINEAR][target].argmax(axis=1) != logits.argmax(axis=1))))
        if alone.any()
        else 0.0
        for target, logits in tiers[FULL].items()
    }


def _right(unseen: Unseen, targets: Mapping[str, Sequence[str]]) -> Right:
    return {target: right_labels(unseen.examples, target, labels) for target, labels in targets.items()}


def right_labels(examples: Sequence[Example], target: str, labels: Sequence[str]) -> list[tuple[int, ...] | None]:
    """For each example the indices of its right labels; none where the model has no such label, None without one."""
    index = {label: at for at, label in enumerate(labels)}
    return [
        tuple(index[each] for each in example.labels[target] if each in index) if target in example.labels else None
        for example in examples
    ]
