"""The model card: what a model folder was trained on, how it measured, and what it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from complaint_router import __version__
from complaint_router.dispatch import Calibration
from complaint_router.engine.linear import Linear
from complaint_router.folder import FILES, Config
from complaint_router.learn.calibrate import Judged
from complaint_router.learn.data import LabelledData
from complaint_router.learn.fit import best_epoch
from complaint_router.metrics import expected_calibration_error

if TYPE_CHECKING:
    from complaint_router.learn.train import Trained

RARE = 10
"""A label with fewer examples is named as rare in the card."""


def write_card(
    folder: Path,
    config: Config,
    calibration: Calibration,
    data: LabelledData,
    trained: Trained,
    judged: Mapping[str, Judged],
    linear: Linear,
    kept: Sequence[str],
    notes: str,
) -> None:
    """Write `README.md` into the model folder. It holds counts and measures, never a text."""
    best = best_epoch(trained.history)
    day = datetime.now(timezone.utc).date().isoformat()
    lines = [
        f"# {config.name}",
        "",
        f"A complaint-router model, written {day} by complaint-router {__version__}; `Router.from_pretrained` loads it"
        " from the path of this folder.",
        "",
        *([notes.strip(), ""] if notes.strip() else []),
        "## Data",
        "",
        f"{trained.rows:,} texts to train on, {trained.held:,} held out for choosing the epoch and for calibration"
        + (f"; {data.left_out:,} rows were left out, having no Chinese text or no label." if data.left_out else "."),
        "",
        "| target | labels | texts of the rarest | of the commonest | labels with fewer than 10 texts |",
        "|---|---|---|---|---|",
    ]
    for target in best.accuracy:
        counts = data.counts(target)
        found = [counts[label] for label in config.targets[target]]
        rare = sum(count < RARE for count in found)
        lines.append(f"| {target} | {len(found)} | {min(found)} | {max(found)} | {rare} |")
    if kept:
        lines += ["", f"Not trained here but kept from the model gone on from: {', '.join(kept)}."]
    lines += [
        "",
        "## Measures",
        "",
        "On the held-out texts, by the files of this folder. They also chose the epoch, the mix and the calibration:"
        " texts that the model has never met will do somewhat worse. ECE is the expected calibration error; n-grams"
        " tells what a score of the linear partner counts beside a logit of the encoder.",
        "",
        "| target | accuracy | macro-F1 | ECE | dispatched from | share | of these right | n-grams |"
        f" same label in {trained.parity.precision} |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for target, each in judged.items():
        threshold = calibration.targets[target].threshold
        sure = each.scores >= threshold
        lines.append(
            f"| {target} | {each.hits.mean():.3f} | {each.macro_f1:.3f} |"
            f" {expected_calibration_error(each.scores.tolist(), each.hits.tolist()):.3f} | {threshold:.2f} |"
            f" {sure.mean():.3f} | {each.hits[sure].mean() if sure.any() else 0:.3f} | {linear.heads[target].mix:g} |"
            f" {trained.parity.agreement[target]:.3f} |"
        )
    lines += [
        "",
        f"![How often answers were right, by their score]({FILES.plot})",
        "",
        f"{len(trained.history)} epochs, the best was number {trained.history.index(best) + 1}."
        f" Texts are read up to {config.max_tokens} tokens; of a longer one head and tail.",
        "",
    ]
    (folder / FILES.card).write_text("\n".join(lines), encoding="utf-8")
