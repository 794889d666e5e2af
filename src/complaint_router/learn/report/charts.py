"""Charts as SVG text, so that they need no library and Chinese labels never turn into boxes.

Fonts come from the page around them. Every shape has a tooltip, every chart a name for readers who cannot see it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple
from unicodedata import east_asian_width

from complaint_router.learn.report.words import Words, count, decimal, percent

MOST_LABELS = 20
"""Labels that bars and heat maps show: more would be too small to read."""

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 442, 30, 252
_NAMES, _ROW, _HEAD = 150, 19, 24
"""Bars and heat map share these, so that side by side their rows line up."""
_LONGEST_NAME = 20
"""In halves of a Chinese character."""
_BARS_END = 380
_CELL = 36
_DARK = 0.65
"""Share from which a cell is so dark that its figure is white."""
_LEAST_WRITTEN = 0.005
"""Share below which a cell's figure would be 0."""
_BLUE, _ORANGE, _INK, _GREY, _RULE = "#1f5f99", "#b8581b", "#26323d", "#5f6b76", "#dfe4e8"


@dataclass(frozen=True)
class _Scale:
    """From values to places in the picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


_SHARES = _Scale(0, 1, _LEFT, _RIGHT)


class Point(NamedTuple):
    """What was measured at a number of rows or after an epoch."""

    at: int
    accuracy: float
    macro_f1: float


class Bar(NamedTuple):
    """A bar and what is written behind it."""

    name: str
    value: float
    note: str


def reliability(points: Sequence[Mapping[str, Any]], words: Words) -> str:
    """How often answers with a score were right, beside how often they claim; the size tells how many they are."""
    up = _Scale(0, 1, _BOTTOM, _TOP)
    most = max(point["n"] for point in points)
    parts = [
        *_grid(up, {at / 5: f"{at / 5:.0%}" for at in range(6)}, words["right_share"], words["score"]),
        *(_tick(_SHARES(at / 5), decimal(at / 5, 1)) for at in range(6)),
        f'<line x1="{_LEFT}" y1="{_BOTTOM}" x2="{_RIGHT}" y2="{_TOP}" stroke="{_GREY}" stroke-dasharray="5 4"/>',
    ]
    for point in points:
        radius = 3 + 10 * math.sqrt(point["n"] / most)
        told = words["point"].format(
            score=decimal(point["score"], 2), n=count(point["n"]), right=percent(point["right"])
        )
        parts.append(
            f'<circle cx="{_SHARES(point["score"]):.1f}" cy="{up(point["right"]):.1f}" r="{radius:.1f}"'
            f' fill="{_BLUE}" fill-opacity="0.6" stroke="{_BLUE}">{_tip(told)}</circle>'
        )
    return _svg(_HEIGHT, words["reliability"], parts)


def coverage(
    points: Sequence[Mapping[str, Any]], asked: float, chosen: tuple[float, float] | None, words: Words
) -> str:
    """Share of calls dispatched against the share right among them.

    Args:
        points: the curve.
        asked: the precision asked of automatic dispatch.
        chosen: the place of the threshold on the curve; None where nothing is dispatched.
        words: of the language.
    """
    rights = [point["right"] for point in points]
    ticks = _ticks(min(*rights, asked - 0.05), 1)
    up = _Scale(ticks[0], 1, _BOTTOM, _TOP)
    height = up(asked)
    beside = height + 15 if rights[0] >= asked else height - 6
    line = " ".join(f"{_SHARES(point['share']):.1f},{up(point['right']):.1f}" for point in points)
    parts = [
        *_grid(up, {tick: f"{tick:.0%}" for tick in ticks}, words["right_share"], words["dispatched_share"]),
        *(_tick(_SHARES(at / 5), f"{at / 5:.0%}") for at in range(6)),
        f'<line x1="{_LEFT}" y1="{height:.1f}" x2="{_RIGHT}" y2="{height:.1f}" stroke="{_ORANGE}"'
        ' stroke-dasharray="5 4"/>',
        _text(_LEFT + 6, beside, words["asked"].format(share=percent(asked)), "start", _ORANGE),
        f'<polyline points="{line}" fill="none" stroke="{_BLUE}" stroke-width="2"/>',
    ]
    for point in points:  # too dense to be seen; a pointer finds their tooltips
        told = words["curve_point"].format(
            share=percent(point["share"]), right=percent(point["right"]), score=decimal(point["score"], 2)
        )
        parts.append(
            f'<circle cx="{_SHARES(point["share"]):.1f}" cy="{up(point["right"]):.1f}" r="5" fill-opacity="0">'
            f"{_tip(told)}</circle>"
        )
    if chosen is not None:
        parts += _chosen(_SHARES(chosen[0]), up(chosen[1]), chosen, words)
    return _svg(_HEIGHT, words["coverage_curve"], parts)


def bars(rows: Sequence[Bar], longest: float, name: str) -> str:
    """Horizontal bars.

    Args:
        rows: one for each bar.
        longest: the value of a bar as long as the picture allows.
        name: of the chart.
    """
    across = _Scale(0, longest, _NAMES, _BARS_END)
    parts = []
    for number, bar in enumerate(rows):
        top = _HEAD + number * _ROW
        length = across(bar.value) - _NAMES
        parts += [
            _text(_NAMES - 8, top + 13, _short(bar.name), "end", _INK, bar.name),
            f'<rect x="{_NAMES}" y="{top + 3}" width="{length:.1f}" height="{_ROW - 6}" fill="{_BLUE}">'
            f"{_tip(f'{bar.name} {bar.note}')}</rect>",
            _text(_NAMES + length + 6, top + 13, bar.note),
        ]
    parts.append(f'<line x1="{_NAMES}" y1="{_HEAD}" x2="{_NAMES}" y2="{_HEAD + len(rows) * _ROW}" stroke="{_GREY}"/>')
    return _svg(_HEAD + len(rows) * _ROW + 6, name, parts)


def heat_map(labels: Mapping[str, str], cells: Sequence[Mapping[str, Any]], words: Words) -> str:
    """Which right labels are answered by which: percentages of each row, right answers blue, wrong ones orange.

    Args:
        labels: the labels to show and their names, in order.
        cells: all cells, those of other labels too: they count for the percentages.
        words: of the language.
    """
    order = {label: number for number, label in enumerate(labels)}
    sums: Counter[str] = Counter()
    for cell in cells:
        sums[cell["right"]] += cell["n"]
    size = min((_RIGHT - _NAMES) / len(order), _CELL)
    right, bottom = _NAMES + size * len(order), _HEAD + _ROW * len(order)
    parts = [f'<rect x="{_NAMES}" y="{_HEAD}" width="{right - _NAMES:.1f}" height="{bottom - _HEAD}" fill="#f6f8f9"/>']
    for number, name in enumerate(labels.values()):
        parts += [
            _text(_NAMES - 8, _HEAD + number * _ROW + 13, f"{_short(name)} {number + 1}", "end", _INK, name),
            f'<text x="{_NAMES + (number + 0.5) * size:.1f}" y="{_HEAD - 6}" text-anchor="middle" font-size="9"'
            f' fill="{_GREY}">{number + 1}{_tip(name)}</text>',
        ]
    for cell in cells:
        if cell["right"] not in order or cell["given"] not in order:
            continue
        share = cell["n"] / sums[cell["right"]]
        told = words["confusion_cell"].format(
            right=labels[cell["right"]], given=labels[cell["given"]], n=count(cell["n"]), share=percent(share)
        )
        left, top = _NAMES + order[cell["given"]] * size, _HEAD + order[cell["right"]] * _ROW
        colour = _BLUE if cell["right"] == cell["given"] else _ORANGE
        ink = "#fff" if share > _DARK else _INK
        written = f"{100 * share:.0f}" if share >= _LEAST_WRITTEN else ""
        parts.append(
            f'<g>{_tip(told)}<rect x="{left:.1f}" y="{top}" width="{size:.1f}" height="{_ROW}" fill="{colour}"'
            f' fill-opacity="{0.08 + 0.92 * share:.2f}"/>'
            f'<text x="{left + size / 2:.1f}" y="{top + 12.5}" text-anchor="middle" font-size="8.5" fill="{ink}">'
            f"{written}</text></g>"
        )
    return _svg(bottom + 6, words["confusion"], parts)


def learning(points: Sequence[Point], words: Words) -> str:
    """Accuracy and macro-F1 against the rows trained on."""
    return _svg(_HEIGHT, words["learning_curve"], _lines(points, math.log10, words["training_rows"], words))


def epochs(points: Sequence[Point], best: int, words: Words) -> str:
    """Accuracy and macro-F1 against the epoch; `best` is the one kept."""
    at = _Scale(points[0].at, points[-1].at, _LEFT + 12, _RIGHT - 12)(best)
    kept = f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{_BOTTOM}" stroke="{_GREY}" stroke-dasharray="5 4"/>'
    return _svg(_HEIGHT, words["epochs_chart"], [*_lines(points, float, words["epoch"], words), kept])


def _lines(points: Sequence[Point], stretch: Callable[[float], float], across: str, words: Words) -> list[str]:
    """Both measures as lines; `stretch` turns what they stand against into an even scale."""
    values = [value for point in points for value in point[1:]]
    ticks = _ticks(min(values), max(values))
    up = _Scale(ticks[0], ticks[-1], _BOTTOM, _TOP)
    along = _Scale(stretch(points[0].at), stretch(points[-1].at), _LEFT + 12, _RIGHT - 12)
    places = [along(stretch(point.at)) for point in points]
    parts = _grid(up, {tick: decimal(tick, 2) for tick in ticks}, "", across)
    free = math.inf
    for place, point in reversed(list(zip(places, points, strict=True))):
        if place < free:
            parts.append(_tick(place, count(point.at)))
            free = place - 44
    series = (
        (words["accuracy"], [point.accuracy for point in points], _BLUE, "none", _LEFT),
        (words["macro_f1"], [point.macro_f1 for point in points], _ORANGE, "6 3", _LEFT + 120),
    )
    for measure, heights, colour, dashes, left in series:
        spots = [(place, up(height)) for place, height in zip(places, heights, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts += [
            f'<line x1="{left}" y1="12" x2="{left + 26}" y2="12" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dashes}"/>',
            _text(left + 32, 16, measure),
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>',
        ]
        for (x, y), point, height in zip(spots, points, heights, strict=True):
            told = words["line_point"].format(at=count(point.at), measure=measure, value=decimal(height))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">{_tip(told)}</circle>')
    return parts


def _chosen(x: float, y: float, chosen: tuple[float, float], words: Words) -> list[str]:
    """The square of the threshold; its words stand over the picture, where no line can cross them."""
    told = words["chosen"].format(share=percent(chosen[0]), right=percent(chosen[1]))
    return [
        f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{_ORANGE}" stroke="#fff">{_tip(told)}'
        "</rect>",
        _text(_RIGHT, 16, told, "end", _ORANGE),
    ]


def _ticks(low: float, high: float) -> list[float]:
    """Round values from below `low` to above `high`, some five of them, within 0 and 1."""
    step = next((step for step in (0.01, 0.02, 0.05, 0.1) if (high - low) / step <= 5), 0.2)
    last = min(max(math.ceil(high / step - 1e-9), 1), round(1 / step))
    first = max(min(math.floor(low / step + 1e-9), last - 1), 0)
    return [at * step for at in range(first, last + 1)]


def _grid(up: _Scale, ticks: Mapping[float, str], name: str, across: str) -> list[str]:
    """Level lines with their values on the left, and the names of both axes."""
    parts = [_text(_LEFT - 40, 16, name), _text(_RIGHT, _HEIGHT - 8, across, "end")]
    for tick, written in ticks.items():
        y = up(tick)
        parts += [
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}" stroke="{_RULE}"/>',
            _text(_LEFT - 7, y + 4, written, "end"),
        ]
    return parts


def _tick(x: float, name: str) -> str:
    return _text(x, _BOTTOM + 18, name, "middle")


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = _GREY, told: str = "") -> str:
    tip = _tip(told) if told else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}{tip}</text>'


def _tip(told: str) -> str:
    return f"<title>{escape(told)}</title>"


def _short(name: str) -> str:
    """A name cut to the room it has."""
    room = _LONGEST_NAME
    for at, character in enumerate(name):
        room -= 2 if east_asian_width(character) in "WF" else 1
        if room < 0:
            return name[: at - 1] + "…"
    return name


def _svg(height: int, name: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' aria-label="{escape(name)}" font-size="12">{"".join(parts)}</svg>'
    )
