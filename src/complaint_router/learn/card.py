"""The model card: what a model folder was trained on, how it measured, and what it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from complaint_router import __version__
from complaint_router.folder import FILES
from complaint_router.learn.data import LabelledData
from complaint_router.learn.fit import Epoch, best_epoch

if TYPE_CHECKING:
    from complaint_router.learn.write import Written

RARE = 10
"""A label with fewer examples is named as rare in the card."""


def write_card(
    folder: Path,
    written: Written,
    data: LabelledData,
    held: int,
    crossed: bool,
    history: Sequence[Epoch],
    taught: Sequence[str],
    notes: str,
) -> None:
    """Write `README.md` into the model folder. It holds counts and measures, never a text."""
    config = written.config
    best = best_epoch(history)
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
        f"{len(data.examples):,} texts to train on, {held:,} "
        + ("of them cross-fitted" if crossed else "held out")
        + " for choosing the epoch and for calibration"
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
        *_measures(written, taught, crossed),
        "",
        f"{len(history)} epochs, the best was number {history.index(best) + 1}."
        f" Texts are read up to {config.max_tokens} tokens; of a longer one head and tail.",
        "",
    ]
    (folder / FILES.card).write_text("\n".join(lines), encoding="utf-8")


def _measures(written: Written, taught: Sequence[str], crossed: bool) -> list[str]:
    if not written.judged:
        return ["No texts were held out, so nothing was measured and scores are not calibrated."]
    lines = [
        (
            "Each text was judged by a network that had not learned from it; the one of this folder learned from all."
            if crossed
            else "On the held-out texts, by the files of this folder."
        )
        + " They also chose the epoch, the mix and the calibration: texts that the model has never met will do somewhat"
        " worse. ECE is the expected calibration error; n-grams"
        " tells what a score of the linear partner counts beside a logit of the encoder.",
        "",
        "| target | accuracy | macro-F1 | top 3 | ECE | dispatched from | share | of these right | n-grams |"
        f" same label in {written.parity.precision} |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for target in taught:
        threshold = written.calibration.targets[target].threshold
        cells = ["", "", "", "", f"{threshold:.2f}", "", ""]
        if target in written.judged:
            each = written.judged[target].measures()
            cells[:4] = (f"{value:.3f}" for value in (each.accuracy, each.macro_f1, each.top3, each.ece or 0.0))
            cells[5] = f"{each.auto_coverage:.3f}"
            cells[6] = "" if each.auto_accuracy is None else f"{each.auto_accuracy:.3f}"
        cells += [f"{written.linear.heads[target].mix:g}", f"{written.parity.agreement[target]:.3f}"]
        lines.append(f"| {target} | {' | '.join(cells)} |")
    answering = ", ".join(f"{tier} {share:.3f}" for tier, share in written.answering.items())
    changed = ", ".join(f"{target} {share:.3f}" for target, share in written.changed.items())
    lines += [
        "",
        f"Share of the held-out texts that each tier of the cascade answers: {answering}. Share of them to which the"
        f" whole model would give another label: {changed}.",
    ]
    return [*lines, "", f"![How often answers were right, by their score]({FILES.plot})"]
