"""Import what an extra brings, or say how to install it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from complaint_router.errors import MissingExtraError


def require(module: str, extra: str) -> Any:
    """Import `module`.

    Raises:
        MissingExtraError: it is not installed; the message holds the `pip install` line.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(module, extra) from error
