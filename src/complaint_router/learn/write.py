"""Write a model folder: export the network, fit its linear partner, mix, calibrate, and tell how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.answers import Answers
from complaint_router.dispatch import Calibration
from complaint_router.engine import Engine
from complaint_router.engine.linear import Linear
from complaint_router.folder import FILES, Config
from complaint_router.learn.calibrate import AUTO_PRECISION, Logits, calibrate, fit_mixes, judge
from complaint_router.learn.card import write_card
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.export import Parity, export
from complaint_router.learn.fit import Epoch
from complaint_router.learn.linear import fit_linear
from complaint_router.learn.locate import Evidence
from complaint_router.learn.model import Start, encoder_values
from complaint_router.learn.plot import reliability
from complaint_router.progress import progress_bar
from complaint_router.taxonomy import Taxonomy
from complaint_router.text import prepare

_PARITY_TEXTS = 300


@dataclass(frozen=True)
class Written:
    """A written model: its config, calibration and linear partner, and what the held-out texts say of it.

    `judged` holds its answers by target, `alone` those of its two halves ("encoder", "linear"), without scores.
    """

    config: Config
    calibration: Calibration
    linear: Linear
    parity: Parity
    judged: Mapping[str, Answers]
    alone: Mapping[str, Mapping[str, Answers]]


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
    evidence: Evidence | None = None,
    notes: str = "",
) -> Written:
    """Write all files of a model but its places, units and report.

    Args:
        folder: where the files go; `replacing` gives one.
        start: the trained network with its tokenizer, and the model folder that it went on from, if any.
        data: the examples that it was trained on.
        held: the examples that chose the epoch; they mix and calibrate too.
        name: of the model.
        targets: what was trained, with the labels of each.
        taxonomy: kept in the model.
        home: code of the division whose hotline this is; kept in the model.
        seed: of the linear partner's order of examples.
        history: the epochs of the training.
        auto_precision: share of automatic dispatches that shall be right.
        evidence: what the place adds to the logits of units.
        notes: Markdown for the model's card.

    Raises:
        ModelError: the exported graph does not do what the network does.
    """
    kept = [target for target in start.model.targets if target not in targets]
    config = Config(
        name=name,
        targets=start.model.targets,
        max_tokens=start.tokens.max_tokens,
        encoder=encoder_values(start.model.encoder),
        home=home,
    )
    config.save(folder)
    start.tokens.tokenizer.save(str(folder / FILES.tokenizer), pretty=False)
    start.model.save(folder)
    (folder / FILES.taxonomy).write_text(taxonomy.source, encoding="utf-8")
    texts = [prepare(example.text) for example in (held.examples or data.examples)[:_PARITY_TEXTS]]
    parity = export(start.model, start.tokens, texts, folder / FILES.graph)
    # Mixed and calibrated is what serves: the graph as it was written, not the network that it was made from.
    partner = Linear.load(start.folder, start.config.targets) if start.folder and start.config else None
    linear = fit_linear(data.examples, targets, partner, seed)
    right = {target: right_labels(held.examples, target, labels) for target, labels in targets.items()}
    said, added = _halves(Engine(folder, config), linear, held.examples, targets)
    mixes = fit_mixes(said, added, right)
    linear = linear.mixed(mixes)
    linear.save(folder)
    logits = {target: (said[target] + mixes[target] * added[target]).astype(np.float32) for target in targets}
    if evidence is not None:
        logits["unit"] = logits["unit"] + np.array([evidence(example.text) for example in held.examples])
    fitted = calibrate(logits, right, targets, auto_precision)
    before = Calibration.load(start.folder).targets if start.folder else {}
    calibration = Calibration({**fitted.targets, **{target: before[target] for target in kept}})
    calibration.save(folder)
    judged = judge(fitted, logits, held.examples, targets)
    if judged:
        (folder / FILES.plot).write_text(reliability(judged), encoding="utf-8")
    alone = {
        half: judge(fitted, values, held.examples, targets) for half, values in (("encoder", said), ("linear", added))
    }
    written = Written(config, calibration, linear, parity, judged, alone)
    write_card(folder, written, data, len(held.examples), history, list(targets), notes)
    return written


def right_labels(examples: Sequence[Example], target: str, labels: Sequence[str]) -> list[tuple[int, ...]]:
    """For each example the indices of its right labels."""
    index = {label: at for at, label in enumerate(labels)}
    return [tuple(index[each] for each in example.labels.get(target, ()) if each in index) for example in examples]


def _halves(
    engine: Engine, linear: Linear, held: Sequence[Example], targets: Mapping[str, Sequence[str]]
) -> tuple[Logits, Logits]:
    """What graph and linear partner say of the texts: by target, arrays of shape (texts, labels)."""
    texts = [prepare(example.text) for example in held]
    with progress_bar() as progress:
        said = [engine.graph_logits(text) for text in progress.track(texts, description="calibrating")]
    added = [linear.scores(text) for text in texts]
    return (
        {target: _stacked([each[target] for each in said], len(labels)) for target, labels in targets.items()},
        {target: _stacked([each[target] for each in added], len(labels)) for target, labels in targets.items()},
    )


def _stacked(rows: Sequence[NDArray[np.float32]], labels: int) -> NDArray[np.float32]:
    """Rows as one array, of shape (0, labels) where there are none."""
    return np.array(rows, np.float32).reshape(len(rows), labels)
