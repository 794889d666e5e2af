"""Plots as SVG text, so that they need no library and Chinese labels never turn into boxes."""

from __future__ import annotations

from collections.abc import Mapping

from complaint_router.answers import Answers

_SIDE, _GAP = 220, 50
_PLOTTED = ("category", "department", "unit")
"""Targets whose scores a route shows."""


def reliability(judged: Mapping[str, Answers]) -> str:
    """A reliability diagram for each target: how often answers with a score were right, beside how often they claim.

    Points lie on the diagonal where the scores tell the truth; their size tells how many answers they stand for.
    """
    shown = [target for target in _PLOTTED if target in judged]
    width, height = len(shown) * (_SIDE + _GAP) + _GAP, _SIDE + 2 * _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif"'
        ' font-size="12" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, target in enumerate(shown):
        parts += _diagram(target, judged[target], _GAP + number * (_SIDE + _GAP), _GAP)
    return "\n".join((*parts, "</svg>", ""))


def _diagram(target: str, answers: Answers, left: int, top: int) -> list[str]:
    bottom, right = top + _SIDE, left + _SIDE
    parts = [
        f'<rect x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#999"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{right}" y2="{top}" stroke="#999" stroke-dasharray="4"/>',
        f'<text x="{left}" y="{top - 10}">{target}: share right by score</text>',
    ]
    for share in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{left + share * _SIDE:.0f}" y="{bottom + 16}" text-anchor="middle">{share}</text>')
        parts.append(f'<text x="{left - 6}" y="{bottom - share * _SIDE + 4:.0f}" text-anchor="end">{share}</text>')
    for score, share, count in answers.reliability():
        radius = 2 + 12 * (count / len(answers.right)) ** 0.5
        parts.append(
            f'<circle cx="{left + score * _SIDE:.1f}" cy="{bottom - share * _SIDE:.1f}" r="{radius:.1f}"'
            f' fill="#1769aa" fill-opacity="0.7"><title>{count} answers</title></circle>'
        )
    return parts
