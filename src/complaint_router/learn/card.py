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
    from complaint_router.learn.export import Parity
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
    taught: Sequence[str],
    notes: str,
) -> None:
    """Write `README.md` into the model folder. It holds counts and measures, never a text."""
    best = best_epoch(trained.history)
    kept = [target for target in config.targets if target not in taught]
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
    for target in taught:
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
        *_measures(calibration, trained.parity, judged, linear, taught),
        "",
        f"{len(trained.history)} epochs, the best was number {trained.history.index(best) + 1}."
        f" Texts are read up to {config.max_tokens} tokens; of a longer one head and tail.",
        "",
    ]
    (folder / FILES.card).write_text("\n".join(lines), encoding="utf-8")


def _measures(
    calibration: Calibration, parity: Parity, judged: Mapping[str, Judged], linear: Linear, taught: Sequence[str]
) -> list[str]:
    if not judged:
        return ["No texts were held out, so nothing was measured and scores are not calibrated."]
    lines = [
        "On the held-out texts, by the files of this folder. They also chose the epoch, the mix and the calibration:"
        " texts that the model has never met will do somewhat worse. ECE is the expected calibration error; n-grams"
        " tells what a score of the linear partner counts beside a logit of the encoder.",
        "",
        "| target | accuracy | macro-F1 | ECE | dispatched from | share | of these right | n-grams |"
        f" same label in {parity.precision} |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for target in taught:
        fitted, each = calibration.targets[target], judged.get(target)
        cells = ["", "", "", f"{fitted.threshold:.2f}", "", ""]
        if each is not None:
            sure = each.scores >= fitted.threshold
            error = expected_calibration_error(each.scores.tolist(), each.hits.tolist())
            right = f"{each.hits[sure].mean():.3f}" if sure.any() else ""
            cells[:3] = f"{each.hits.mean():.3f}", f"{each.macro_f1:.3f}", f"{error:.3f}"
            cells[4:] = f"{sure.mean():.3f}", right
        cells += [f"{linear.heads[target].mix:g}", f"{parity.agreement[target]:.3f}"]
        lines.append(f"| {target} | {' | '.join(cells)} |")
    return [*lines, "", f"![How often answers were right, by their score]({FILES.plot})"]
