"""Values as the cells of a table."""

from __future__ import annotations

import json
import re
from typing import Any

_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
"""How a cell begins that a spreadsheet may take for a formula (OWASP, CSV Injection)."""

_NUMBER = re.compile(r"[+-]?(\d[\d,]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?%?|-")


def is_formula(value: Any) -> bool:
    """Whether a spreadsheet might run this cell; a number such as -12.5, or a dash, does no harm."""
    return isinstance(value, str) and _FORMULA.match(value) is not None and _NUMBER.fullmatch(value) is None


def as_cell(value: Any) -> Any:
    """Lists and objects of JSON Lines become JSON text in a cell."""
    return json.dumps(value, ensure_ascii=False, default=as_text) if isinstance(value, list | dict) else value


def characters_of(value: Any) -> int:
    """Characters of a value in a cell; 0 for numbers, times and the like, which are never long."""
    if isinstance(value, str):
        return len(value)
    return len(as_text(as_cell(value))) if isinstance(value, list | dict | bytes) else 0


def as_text(value: Any) -> str:
    """What JSON has no form for: dates in ISO 8601, anything else as Python prints it."""
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def encodable(text: str) -> str:
    """The text with lone surrogates, which no file of bytes can hold, replaced by question marks."""
    return text.encode("utf-8", "replace").decode()
