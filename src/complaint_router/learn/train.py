"""From labelled complaints to a model folder with its account."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from complaint_router.answers import Answers
from complaint_router.engine.linear import Linear
from complaint_router.errors import ArgumentError, DataError
from complaint_router.folder import Config, replacing
from complaint_router.learn.account import account, write_account
from complaint_router.learn.audit import audit
from complaint_router.learn.balance import balance
from complaint_router.learn.batch import Encoded, blanked, encode
from complaint_router.learn.calibrate import AUTO_PRECISION
from complaint_router.learn.checkpoint import Checkpoint
from complaint_router.learn.compare import Change, change, former_answers
from complaint_router.learn.curve import learning_curve
from complaint_router.learn.data import Labelled, LabelledData, Rare, read_labelled
from complaint_router.learn.fit import Epoch, best_epoch, fit, with_kept
from complaint_router.learn.leakage import cut_answers
from complaint_router.learn.locate import write_places
from complaint_router.learn.model import MultiTargetModel, Start, base_folder, start_from
from complaint_router.learn.near import near_duplicates
from complaint_router.learn.unseen import FEW_ROWS, FOLDS, cross_fitted
from complaint_router.learn.write import write_model
from complaint_router.locality import Gazetteer
from complaint_router.taxonomy import Taxonomy

HELD_SHARE = 0.1
"""Share of the rows that is held out for choosing the epoch and for calibration, where no dev file is given."""
HELD_MOST = 2_000
FLOOR = 5
"""Default of the number of rows below which a label counts as rare."""

_log = logging.getLogger("complaint_router")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a training goes.

    Attributes:
        init: "default" (the bundled model), a model folder, a local encoder, or the name of one on the hub.
        epochs: passes over the rows; default: 4 to 20, more for fewer rows.
        seed: of all that is random.
        auto_precision: share of automatic dispatches that shall be right, which the held-out rows must vouch for.
        floor: rows below which a label counts as rare.
        rare: what is done about rare labels: "keep" them, "merge" them into one called 其他, or "drop" them.
        cut_answers: cut clauses out of the texts that name the unit asked to act, such as 请某某局核实处理.
        resume: go on from the checkpoint of a training that was interrupted, where there is one.
        against: a former model to compare with. Default: the model gone on from, where it knows the labels.
        learning_curve: measure too how well fewer rows would do; this takes about as long again.
        language: of the report, "zh" or "en".
    """

    init: str | Path = "default"
    epochs: int | None = None
    seed: int = 0
    auto_precision: float = AUTO_PRECISION
    floor: int = FLOOR
    rare: Rare = "keep"
    cut_answers: bool = False
    resume: bool = False
    against: str | Path | None = None
    learning_curve: bool = False
    language: Literal["zh", "en"] = "zh"

    def __post_init__(self) -> None:
        if not 0 < self.auto_precision < 1:
            raise ArgumentError(f"auto_precision is {self.auto_precision}; name a share between 0 and 1, such as 0.95")
        for name, value, known in (
            ("rare", self.rare, ("keep", "merge", "drop")),
            ("language", self.language, ("zh", "en")),
        ):
            if value not in known:
                raise ArgumentError(f"{name} is {value!r}; name one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run did.

    `account` is what stands in `report.json`; `unplaced` counts rows whose place names are no divisions under home.
    """

    folder: Path
    rows: int
    held: int
    seconds: float
    history: Sequence[Epoch]
    account: Mapping[str, Any]
    unplaced: int = 0


def train(
    data: Labelled,
    *,
    targets: Mapping[str, str],
    output: str | Path,
    places: Mapping[str, str] | None = None,
    alternatives: Mapping[str, str] | None = None,
    dev: str | Path | None = None,
    text_field: str = "text",
    title_field: str | None = None,
    date_field: str | None = None,
    home: str | None = None,
    limit: int | None = None,
    taxonomy: str | Path | None = None,
    **plan: Any,
) -> Trained:
    """Train on labelled complaints and write a model folder; what `complaint-router train` does.

    Args:
        data: a file or several (.jsonl, .csv, .parquet, .xlsx), or rows such as a `datasets.Dataset`.
        targets: for each target the column of its labels, such as {"department": "department"}. Targets that the model
            gone on from knows besides stay as they are.
        output: the model folder to be written.
        places: for each level (district, town) the column that names where the matter lies.
        alternatives: for targets, the column of labels that are right too.
        dev: a labelled file for choosing the epoch and for calibration. Default: a tenth of the rows, the latest where
            they have dates; near-duplicates stay on one side.
        text_field: column of the text.
        title_field: column of a title that stands in front of the text.
        date_field: column of the day or time when a complaint came.
        home: code of the division whose hotline this is; kept in the model. Default: that of the model gone on from.
        limit: take the first so many rows.
        taxonomy: a taxonomy file of one's own, kept in the model; default: that of the model gone on from.
        plan: fields of `Plan`.

    Raises:
        DataError: rows cannot be read or used, `output` holds something else than a model, or the checkpoint to resume
            is of other rows or options.
        ModelError: a model cannot be loaded, or the exported graph does not do what the network does.
        TaxonomyError: the taxonomy file breaks a rule.
        ArgumentError: `home` is not the code of a division, `places` are given without a home, or a field of the plan
            cannot be used.
    """
    way = Plan(**plan)
    base = base_folder(way.init)
    if home:
        home = Gazetteer.load().home(home)
    elif base is not None:
        home = Config.load(base).home
    columns: dict[str, Any] = {
        "targets": targets, "text_field": text_field, "title_field": title_field, "alternatives": alternatives
    }  # fmt: skip
    rows = read_labelled(data, limit=limit, places=places, date_field=date_field, **columns)
    return train_on(
        rows,
        targets=tuple(targets),
        output=Path(output),
        held=read_labelled(dev, **columns) if dev else None,
        home=home,
        taxonomy=Taxonomy.load(taxonomy) if taxonomy else None,
        located=bool(places),
        plan=way,
    )


def train_on(
    data: LabelledData,
    *,
    targets: Sequence[str],
    output: Path,
    held: LabelledData | None = None,
    home: str | None = None,
    taxonomy: Taxonomy | None = None,
    located: bool = False,
    plan: Plan,
) -> Trained:
    """Train on examples and write a model folder; what `train` does once the rows are read.

    What the audit of the data finds worth a look is logged before the training begins, as warnings of the logger
    "complaint_router".

    Args:
        data: the examples.
        targets: what to train.
        output: the model folder to be written.
        held: examples for choosing the epoch and for calibration; default: a tenth of `data`.
        home: code of the division whose hotline this is.
        taxonomy: kept in the model; default: that of the model gone on from, else the national one.
        located: learn places from the examples, which say where their matter lies. With units and a home, they do by
            the names of their units. Default: what the model gone on from knows.
        plan: how the training goes.

    Raises:
        DataError: a target has fewer than two labels, `output` holds something else than a model, or the checkpoint to
            resume is of other rows or options.
        ModelError: `plan.init` cannot be loaded, or the exported graph does not do what the network does.
    """
    begin = time.perf_counter()
    data, held = data.usable(), held.usable() if held else None
    groups = near_duplicates([example.text for example in data.examples])
    found = audit(data, targets, groups, plan.floor, plan.seed)
    for line in found.lines():
        _log.warning(line)
    if plan.cut_answers:
        data, held = data.with_texts(cut_answers), held.with_texts(cut_answers) if held else None
    every_label = {target: set(data.labels(target)) for target in targets}
    data, groups = data.with_rare(targets, plan.floor, plan.rare, groups)
    names = {target: data.labels(target) for target in targets}
    dropped = {target: labels.difference(names[target]) for target, labels in every_label.items()}
    for target, labels in names.items():
        if len(labels) < 2:
            raise DataError(f"target {target}: the rows have {len(labels)} label(s), and at least 2 are needed")
    every = data.examples
    base = base_folder(plan.init)
    names = _with_known(names, data, base, dropped)
    few = held is None and len(every) < FEW_ROWS and not any(example.date for example in every)
    split = (
        "file" if held else "cross_fitted" if few else "time" if any(each.date for each in every) else "near_duplicates"
    )
    if few:
        folds = data.folds(FOLDS, groups)
        held = LabelledData([])
    elif held is None:
        data, held = data.split(HELD_SHARE, HELD_MOST, groups)
    if not data.examples:
        raise DataError("no rows are left to train on: they all have the same text, or none has Chinese text")
    taxonomy = taxonomy or Taxonomy.load(base / "taxonomy.yaml" if base else None)
    located = located or (home is not None and "unit" in names)
    with replacing(output) as partial:
        start = start_from(plan.init, names, taxonomy)
        # What the model knows besides stays: its present answers are learned along with the new labels.
        kept = [target for target in start.model.targets if target not in names]
        examples = with_kept(encode(data.examples, start), start.model, kept)
        digest = _digest(start, examples, plan)

        def taught(
            fold: int | None, lesson: Sequence[Encoded], unseen: Sequence[Encoded], stop: int | None = None
        ) -> tuple[MultiTargetModel, list[Epoch]]:
            model = start.model if fold is None else start_from(plan.init, names, taxonomy).model
            name = "network" if fold is None else f"fold-{fold + 1}"
            history = fit(
                model, lesson, unseen, epochs=plan.epochs, seed=plan.seed, stop=stop, resume=plan.resume,
                twins=blanked(lesson, start.tokens, plan.seed), checkpoint=Checkpoint(output, digest, name),
            )  # fmt: skip
            balance(model, lesson, names)
            return model, history

        unseen = None
        if few:
            partner = Linear.load(start.folder, start.config.targets) if start.folder and start.config else None
            unseen, history = cross_fitted(data, examples, folds, taught, names, partner, home, plan.seed)
            taught(None, examples, [], history.index(best_epoch(history)) + 1)
        else:
            _, history = taught(None, examples, encode(held.examples, start))
        written = write_model(
            partial, start, data, held, name=output.name, targets=names, taxonomy=taxonomy, home=home, seed=plan.seed,
            history=history, auto_precision=plan.auto_precision, unseen=unseen,
        )  # fmt: skip
        judged = data if few else held
        functions = {*taxonomy.departments, *start.model.targets.get("department", ())}
        unknown = write_places(partial, every, names, home, base, located, functions)
        former = Path(plan.against) if plan.against else base
        changes = _changes(former, written.judged, judged, home) if former else {}
        curve = None
        if plan.learning_curve:
            parts = data.split(HELD_SHARE, HELD_MOST, groups) if few else (data, held)
            curve = learning_curve(*parts, names, taxonomy, plan.init, plan.seed)
        seconds = time.perf_counter() - begin
        content = account(
            written, taxonomy=taxonomy, history=history, changes=changes, curve=curve,
            former=former.name if former else None,
            data={**found.to_dict(), "rare_policy": plan.rare, "answers_cut": plan.cut_answers},
            training={
                "rows": len(data.examples), "held": len(judged.examples), "split": split, "seed": plan.seed,
                "minutes": seconds / 60, "auto_precision": plan.auto_precision,
                "init": base.name if base else str(plan.init),
            },
        )  # fmt: skip
        write_account(partial, content, plan.language)
    Checkpoint(output, digest).remove()
    return Trained(output, len(data.examples), len(judged.examples), seconds, history, content, unknown)


def _changes(former: Path, judged: Mapping[str, Answers], held: LabelledData, home: str | None) -> dict[str, Change]:
    before = former_answers(former, held, tuple(judged), home)
    return {target: change(answers, judged[target]) for target, answers in before.items()}


def _with_known(
    names: Mapping[str, tuple[str, ...]], data: LabelledData, base: Path | None, dropped: Mapping[str, set[str]]
) -> dict[str, tuple[str, ...]]:
    """Labels of the targets, with those of the model gone on from where most rows bear such.

    Rows of some weeks lack departments and matters that will come; the model knows them already.
    """
    before = Config.load(base).targets if base else {}
    found = {}
    for target, labels in names.items():
        known, counts = set(before.get(target, ())) - dropped[target], data.counts(target)
        shared = sum(counts[label] for label in labels if label in known)
        found[target] = tuple(sorted({*labels, *known})) if 2 * shared > counts.total() else labels
    return found


def _digest(start: Start, train: Sequence[Encoded], plan: Plan) -> str:
    """Tells trainings apart: of other examples, options or weights to start from."""
    digest = hashlib.sha256(repr((plan.epochs, plan.seed, start.model.targets)).encode())
    for example in train:
        digest.update(repr((example.ids, sorted(example.right.items()))).encode())
    for name, value in start.model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()
