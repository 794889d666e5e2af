"""From labelled files to a model folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.dispatch import Calibration
from complaint_router.engine import Engine
from complaint_router.engine.linear import Linear
from complaint_router.errors import DataError
from complaint_router.folder import FILES, Config, replacing
from complaint_router.learn.calibrate import Logits, Right, calibrate, fit_mixes, judge
from complaint_router.learn.card import write_card
from complaint_router.learn.data import Example, LabelledData, read_labelled
from complaint_router.learn.export import Parity, export
from complaint_router.learn.fit import Epoch, encode, fit, with_kept
from complaint_router.learn.linear import fit_linear
from complaint_router.learn.locate import Evidence, unit_evidence, write_places
from complaint_router.learn.model import Start, base_folder, encoder_values, start_from
from complaint_router.learn.plot import reliability
from complaint_router.locality import Gazetteer
from complaint_router.progress import progress_bar
from complaint_router.taxonomy import Taxonomy
from complaint_router.text import prepare

HELD_SHARE = 0.1
"""Share of the rows that is held out for choosing the epoch and for calibration, where no dev file is given."""
HELD_MOST = 2_000
_PARITY_TEXTS = 300


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run did."""

    folder: Path
    rows: int
    held: int
    seconds: float
    history: Sequence[Epoch]
    parity: Parity
    unplaced: int = 0
    """Rows whose place names are no divisions under home."""


def train(
    files: Iterable[str | Path],
    *,
    targets: Mapping[str, str],
    output: str | Path,
    places: Mapping[str, str] | None = None,
    dev: str | Path | None = None,
    text_field: str = "text",
    title_field: str | None = None,
    home: str | None = None,
    init: str | Path = "default",
    limit: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
    taxonomy: str | Path | None = None,
) -> Trained:
    """Train on labelled files and write a model folder.

    Args:
        files: labelled rows (.jsonl, .csv, .parquet, .xlsx).
        targets: for each target the column of its labels, such as {"department": "department"}.
        output: the model folder to be written; an older model there is replaced when the new one is complete.
        places: for each level ("district", "town") the column that names where the matter lies; from these the model
            learns in which division a named estate or road lies. Needs a home. Default: what the model gone on from
            knows.
        dev: a labelled file for choosing the epoch and for calibration; default: a tenth of the rows.
        text_field: column of the text.
        title_field: column of a title that stands in front of the text.
        home: code of the division whose hotline this is; kept in the model. Default: that of the model gone on from.
        init: "default" (the bundled model), a model folder, a local encoder, or the name of one on the hub.
        limit: take the first so many rows.
        epochs: passes over the rows; default: 4 to 20, more for fewer rows.
        seed: of all that is random.
        taxonomy: a taxonomy file of one's own, kept in the model; default: that of the model gone on from.

    Raises:
        DataError: rows cannot be read or used, or `output` holds something else than a model.
        ModelError: `init` cannot be loaded, or the exported graph does not do what the network does.
        TaxonomyError: the taxonomy file breaks a rule.
        ArgumentError: `home` is not the code of a division, or `places` are given without a home.
    """
    base = base_folder(init)
    if home:
        home = Gazetteer.load().home(home)
    elif base is not None:
        home = Config.load(base).home
    columns = {"targets": targets, "text_field": text_field, "title_field": title_field}
    data = read_labelled(files, limit=limit, places=places, **columns)  # type: ignore[arg-type]
    held = read_labelled([dev], **columns) if dev else None  # type: ignore[arg-type]
    return train_on(
        data,
        targets=tuple(targets),
        output=Path(output),
        held=held,
        home=home,
        init=init,
        epochs=epochs,
        seed=seed,
        taxonomy=Taxonomy.load(taxonomy) if taxonomy else None,
        located=bool(places),
    )


def train_on(
    data: LabelledData,
    *,
    targets: Sequence[str],
    output: Path,
    held: LabelledData | None = None,
    home: str | None = None,
    init: str | Path = "default",
    epochs: int | None = None,
    seed: int = 0,
    taxonomy: Taxonomy | None = None,
    located: bool = False,
) -> Trained:
    """Train on examples and write a model folder; what `train` does once the rows are read.

    Args:
        data: the examples.
        targets: what to train.
        output: the model folder to be written.
        held: examples for choosing the epoch and for calibration; default: a tenth of `data`.
        home, init, epochs, seed: as in `train`.
        taxonomy: kept in the model; default: that of the model gone on from, else the national one.
        located: learn places from the examples, which say where their matter lies. With units and a home, they do by
            the names of their units. Default: what the model gone on from knows.

    Raises:
        DataError: a target has fewer than two labels, or `output` holds something else than a model.
        ModelError: `init` cannot be loaded, or the exported graph does not do what the network does.
    """
    begin = time.perf_counter()
    data, held = data.usable(), held.usable() if held else None
    names = {target: data.labels(target) for target in targets}
    for target, found in names.items():
        if len(found) < 2:
            raise DataError(f"target {target}: the rows have {len(found)} label(s), and at least 2 are needed")
    every = data.examples
    if held is None:
        data, held = data.split(HELD_SHARE, HELD_MOST)
    if not data.examples:
        raise DataError("no rows are left to train on: they all have the same text, or none has Chinese text")
    base = base_folder(init)
    taxonomy = taxonomy or Taxonomy.load(base / FILES.taxonomy if base else None)
    located = located or (home is not None and "unit" in names)
    with replacing(output) as partial:
        start = start_from(init, names, taxonomy)
        # What the model knows besides stays: its present answers are learned along with the new labels.
        kept = [target for target in start.model.targets if target not in names]
        examples = with_kept(encode(data.examples, start), start.model, kept)
        history = fit(start.model, examples, encode(held.examples, start), epochs=epochs, seed=seed)
        trained = write_model(
            partial, start, data, held, name=output.name, targets=names, taxonomy=taxonomy, home=home, seed=seed,
            history=history, evidence=unit_evidence(data.examples, names, home),
        )  # fmt: skip
        functions = {*taxonomy.departments, *start.model.targets.get("department", ())}
        unknown = write_places(partial, every, names, home, base, located, functions)
    return replace(trained, folder=output, seconds=time.perf_counter() - begin, unplaced=unknown)


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
    evidence: Evidence | None = None,
    notes: str = "",
) -> Trained:
    """Write all files of a model but its places and units: export the network, fit its partner, mix, calibrate.

    Args:
        folder: where the files go; `replacing` gives one.
        start: the trained network with its tokenizer, and the model folder that it went on from, if any.
        data: the examples that it was trained on.
        held: the examples that chose the epoch; they mix and calibrate too.
        name: of the model.
        targets: what was trained, with the labels of each.
        taxonomy, home, seed: as in `train_on`.
        history: the epochs of the training.
        evidence: what the place adds to the logits of units.
        notes: Markdown for the model's card.

    Raises:
        ModelError: the exported graph does not do what the network does.
    """
    begin = time.perf_counter()
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
    engine = Engine(folder, config)
    partner = Linear.load(start.folder, start.config.targets) if start.folder and start.config else None
    linear = fit_linear(data.examples, targets, partner, seed)
    right = {target: _right(held.examples, target, labels) for target, labels in targets.items()}
    linear, logits = _mixed(engine, linear, held.examples, right)
    linear.save(folder)
    if evidence is not None:
        added = np.array([evidence(example.text) for example in held.examples])
        logits = {**logits, "unit": logits["unit"] + added}
    fitted = calibrate(logits, right)
    judged = judge(fitted, logits, right)
    before = Calibration.load(start.folder).targets if start.folder else {}
    calibration = Calibration({**fitted.targets, **{target: before[target] for target in kept}})
    calibration.save(folder)
    trained = Trained(folder, len(data.examples), len(held.examples), time.perf_counter() - begin, history, parity)
    if judged:
        (folder / FILES.plot).write_text(reliability(judged), encoding="utf-8")
    write_card(folder, config, calibration, data, trained, judged, linear, list(targets), notes)
    return trained


def _right(examples: Sequence[Example], target: str, labels: Sequence[str]) -> list[tuple[int, ...]]:
    """For each example the indices of its right labels."""
    index = {label: at for at, label in enumerate(labels)}
    return [tuple(index[each] for each in example.labels.get(target, ()) if each in index) for example in examples]


def _mixed(engine: Engine, linear: Linear, held: Sequence[Example], right: Right) -> tuple[Linear, Logits]:
    """The linear partner with the mix that its scores add most by on held-out examples, and the logits that follow."""
    texts = [prepare(example.text) for example in held]
    with progress_bar() as progress:
        said = [engine.graph_logits(text) for text in progress.track(texts, description="calibrating")]
    added = [linear.scores(text) for text in texts]
    logits = {target: _stacked([each[target] for each in said], linear, target) for target in right}
    scores = {target: _stacked([each[target] for each in added], linear, target) for target in right}
    mixes = fit_mixes(logits, scores, right)
    return linear.mixed(mixes), {
        target: (values + mixes[target] * scores[target]).astype(np.float32) for target, values in logits.items()
    }


def _stacked(rows: Sequence[NDArray[np.float32]], linear: Linear, target: str) -> NDArray[np.float32]:
    """Rows as one array, of shape (0, labels) where there are none."""
    return np.array(rows, np.float32).reshape(len(rows), len(linear.heads[target].bias))
