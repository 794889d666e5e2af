"""Write a model folder: export the network, fit its linear partner, mix, calibrate, and tell how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from complaint_router.answers import Answers
from complaint_router.dispatch import Calibration
from complaint_router.engine import Engine
from complaint_router.engine.linear import Linear
from complaint_router.folder import FILES, Config
from complaint_router.learn.calibrate import AUTO_PRECISION, calibrate, fit_mixes, judge
from complaint_router.learn.card import write_card
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.export import Parity, export
from complaint_router.learn.fit import Epoch
from complaint_router.learn.linear import fit_linear
from complaint_router.learn.model import Start, encoder_values
from complaint_router.learn.plot import reliability
from complaint_router.learn.unseen import Unseen, held_out
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
    unseen: Unseen | None = None,
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
        taught=tuple(targets) if kept else (),
    )
    config.save(folder)
    start.tokens.tokenizer.save(str(folder / FILES.tokenizer), pretty=False)
    start.model.save(folder)
    (folder / FILES.taxonomy).write_text(taxonomy.source, encoding="utf-8")
    texts = [prepare(example.text) for example in (held.examples or data.examples)[:_PARITY_TEXTS]]
    parity = export(start.model, start.tokens, texts, folder / FILES.graph)
    # Where texts were held out, mixed and calibrated is what serves: the graph as it was written, not the network.
    linear = fit_linear(data.examples, targets, start.partner(), seed)
    crossed = unseen is not None
    if unseen is None:
        unseen = held_out(Engine(folder, config), linear, held.examples, data.examples, targets, home)
    right = {target: right_labels(unseen.examples, target, labels) for target, labels in targets.items()}
    mixes = fit_mixes(unseen.said, unseen.added, right)
    linear = linear.mixed(mixes)
    linear.save(folder)
    logits = {
        target: (unseen.said[target] + mixes[target] * unseen.added[target]).astype(np.float32) for target in targets
    }
    if unseen.placed is not None:
        logits["unit"] = logits["unit"] + unseen.placed
    fitted = calibrate(logits, right, targets, auto_precision)
    before = Calibration.load(start.folder).targets if start.folder else {}
    calibration = Calibration({**fitted.targets, **{target: before[target] for target in kept}})
    calibration.save(folder)
    judged = judge(fitted, logits, unseen.examples, targets)
    if judged:
        (folder / FILES.plot).write_text(reliability(judged), encoding="utf-8")
    alone = {
        half: judge(fitted, values, unseen.examples, targets)
        for half, values in (("encoder", unseen.said), ("linear", unseen.added))
    }
    written = Written(config, calibration, linear, parity, judged, alone)
    write_card(folder, written, data, len(unseen.examples), crossed, history, list(targets), notes)
    return written


def right_labels(examples: Sequence[Example], target: str, labels: Sequence[str]) -> list[tuple[int, ...] | None]:
    """For each example the indices of its right labels; none where the model has no such label, None without one."""
    index = {label: at for at, label in enumerate(labels)}
    return [
        tuple(index[each] for each in example.labels[target] if each in index) if target in example.labels else None
        for example in examples
    ]
