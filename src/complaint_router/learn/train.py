"""From labelled complaints to a model folder with its account."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from complaint_router.folder import FILES, SERVING_FILES, Config, locate, replacing, verify
from complaint_router.learn.account import account, write_account
from complaint_router.learn.balance import balance
from complaint_router.learn.batch import Encoded, blanked, encode
from complaint_router.learn.checkpoint import Checkpoint
from complaint_router.learn.compare import former_changes
from complaint_router.learn.curve import learning_curve
from complaint_router.learn.data import Labelled, LabelledData, read_labelled
from complaint_router.learn.fit import Epoch, best_epoch, fit, usual_epochs, with_kept
from complaint_router.learn.learned import LearnedTexts
from complaint_router.learn.lesson import Lesson, lesson_from
from complaint_router.learn.linear import Answered
from complaint_router.learn.locate import write_places
from complaint_router.learn.model import MultiTargetModel, Start, base_folder, start_from
from complaint_router.learn.plan import Plan
from complaint_router.learn.unseen import FOLDS, Unseen, cross_fitted
from complaint_router.learn.write import write_model
from complaint_router.locality import Gazetteer
from complaint_router.taxonomy import Taxonomy
from complaint_router.text import prepare


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run did.

    `held` counts the rows that measures stand on, `account` is what stands in `report.json`; `unplaced` counts rows
    whose place names are no divisions under home.
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
            gone on from knows besides stay as they are; so do labels, where most rows bear labels that it knows.
        output: the model folder to be written.
        places: for each level (district, town) the column that names where the matter lies.
        alternatives: for targets, the column of labels that are right too.
        dev: a labelled file for choosing the epoch and for calibration. Default: a tenth of the rows, the latest where
            they have dates; of few rows without dates each quarter in turn. Near-duplicates stay on one side.
        text_field: column of the text.
        title_field: column of a title that stands in front of the text.
        date_field: column of the day or time when a complaint came.
        home: code of the division whose hotline this is; kept in the model. Default: that of the model gone on from.
        limit: take the first so many rows.
        taxonomy: a taxonomy file of one's own, kept in the model; default: that of the model gone on from.
        plan: fields of `complaint_router.learn.plan.Plan`, such as `init`, `epochs`, `auto_precision` and `resume`.

    Raises:
        DataError: rows cannot be read or used, `output` holds something else than a model, or the checkpoint to resume
            is of other rows or options.
        ModelError: a model cannot be loaded, or the exported graph does not do what the network does.
        TaxonomyError: the taxonomy file breaks a rule.
        ArgumentError: `home` is not the code of a division, `places` are given without a home, or a field of the plan
            cannot be used.
    """
    chosen = Plan(**plan)
    base = base_folder(chosen.init)
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
        plan=chosen,
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
        held: examples for choosing the epoch and for calibration; default: as in `train`.
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
    base = base_folder(plan.init)
    taxonomy = taxonomy or Taxonomy.load(base / FILES.taxonomy if base else None)
    former = Path(plan.against) if plan.against else base
    if former is not None:
        verify(locate(former), SERVING_FILES)
        Config.load(former)  # one of another format is better refused before the training
    lesson = lesson_from(data, held, targets, base, FOLDS, plan)
    judged = lesson.judged
    if not plan.resume:
        Checkpoint.remove(output)
    with replacing(output) as partial:
        start, history, unseen, answered = _taught(lesson, taxonomy, output, home, plan)
        written = write_model(
            partial, start, lesson.data, judged, name=output.name, targets=lesson.labels, taxonomy=taxonomy, home=home,
            seed=plan.seed, history=history, auto_precision=plan.auto_precision, unseen=unseen,
            answered=answered,
        )  # fmt: skip
        unplaced = write_places(
            partial,
            lesson.every.examples,
            lesson.labels,
            home,
            base,
            located or (home is not None and "unit" in lesson.labels),
            {*taxonomy.departments, *start.model.targets.get("department", ())},
        )
        learned = LearnedTexts.load(base).with_texts(example.text for example in lesson.data.examples)
        learned.save(partial)
        changes = former_changes(former, judged, written.judged, home, lesson.labels) if former else {}
        curve = learning_curve(*lesson.parted(), lesson.labels, taxonomy, plan) if plan.learning_curve else None
        seconds = time.perf_counter() - begin
        content = account(
            written,
            taxonomy=taxonomy,
            history=history,
            changes=changes,
            former=former.name if former else None,
            seen=lesson.seen,
            asked=plan.against is not None,
            curve=curve,
            data={**lesson.audit.to_dict(), "rare_policy": plan.rare, "answers_cut": plan.cut_answers},
            training={
                "rows": len(lesson.data.examples),
                "held": len(judged.examples),
                "split": lesson.split,
                "seed": plan.seed,
                "minutes": seconds / 60,
                "auto_precision": plan.auto_precision,
                "init": base.name if base else str(plan.init),
            },
        )
        write_account(partial, content, plan.language)
    Checkpoint.remove(output)
    return Trained(output, len(lesson.data.examples), len(judged.examples), seconds, history, content, unplaced)


def _taught(
    lesson: Lesson, taxonomy: Taxonomy, output: Path, home: str | None, plan: Plan
) -> tuple[Start, list[Epoch], Unseen | None, dict[str, Answered]]:
    """Train the network, and where rows are few one for each fold.

    Returns:
        The network, its epochs, what the folds say, and where there are none, what the model gives to the examples of
        targets that are not taught: of many examples the n-grams can learn that.
    """
    start = start_from(plan.init, lesson.labels, taxonomy)
    # What the model knows besides stays: its present answers are learned along with the new labels.
    kept = [target for target in start.model.targets if target not in lesson.labels]
    examples = with_kept(encode(lesson.data.examples, start), start.model, kept)
    digest = _digest(start, examples, lesson, plan)
    epochs = plan.epochs or usual_epochs(len(examples))  # the same for the folds, which have fewer examples

    def network(
        name: str, model: MultiTargetModel, part: Sequence[Encoded], held: Sequence[Encoded], stop: int | None = None
    ) -> list[Epoch]:
        history = fit(
            model, part, held, epochs=epochs, seed=plan.seed, stop=stop, resume=plan.resume,
            twins=blanked(part, start.tokens, plan.seed), checkpoint=Checkpoint(output, digest, name),
        )  # fmt: skip
        balance(model, part, lesson.labels)
        return history

    def fold(number: int, part: Sequence[Encoded], held: Sequence[Encoded]) -> tuple[MultiTargetModel, Sequence[Epoch]]:
        model = start_from(plan.init, lesson.labels, taxonomy).model
        return model, network(f"fold-{number + 1}", model, part, held)

    if lesson.folds is None:
        answered = _answered(examples, lesson, start, kept)
        history = network("network", start.model, examples, encode(lesson.judged.examples, start))
        return start, history, None, answered
    unseen, history = cross_fitted(
        lesson.data, examples, lesson.folds, fold, lesson.labels, start.partner(), home, plan.seed
    )
    network("network", start.model, examples, [], stop=history.index(best_epoch(history)) + 1)
    return start, history, unseen, {}


def _answered(examples: Sequence[Encoded], lesson: Lesson, start: Start, kept: Sequence[str]) -> dict[str, Answered]:
    """What the model gone on from gives to the examples, of the targets that it keeps."""
    partner = start.partner()
    if partner is None or not kept:
        return {}
    beside = partner.scores([prepare(example.text) for example in lesson.data.examples]).beside
    answered = {}
    for target in kept:
        if target in beside:
            logits = np.stack([example.keep[target] for example in examples])
            best = (logits + partner.heads[target].mix * beside[target]).argmax(axis=1)
            labels = start.model.targets[target]
            answered[target] = Answered(labels, [labels[at] for at in best.tolist()])
    return answered


def _digest(start: Start, train: Sequence[Encoded], lesson: Lesson, plan: Plan) -> str:
    """Tells trainings apart: of other examples, options or weights to start from."""
    digest = hashlib.sha256(repr((plan.epochs, plan.seed, start.model.targets)).encode())
    for example in train:
        digest.update(repr((example.ids, sorted(example.right.items()))).encode())
    for each in lesson.judged.examples:
        digest.update(repr((each.text, sorted(each.labels.items()))).encode("utf-8", "surrogatepass"))
    for name, value in start.model.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()
