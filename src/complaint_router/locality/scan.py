"""Longest-match search for many names in one pass over a text."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator


class NameIndex:
    """For the first two characters of each name, the lengths of the names that begin so, longest first."""

    def __init__(self, names: Iterable[str]) -> None:
        lengths: dict[str, set[int]] = {}
        for name in names:
            lengths.setdefault(name[:2], set()).add(len(name))
        self._lengths = {start: tuple(sorted(found, reverse=True)) for start, found in lengths.items()}

    def scan(self, text: str, *tables: Container[str]) -> Iterator[tuple[int, str]]:
        """Offset and name of each match, left to right, none inside another; a name must be in one of `tables`."""
        at = 0
        while at < len(text) - 1:
            for length in self._lengths.get(text[at : at + 2], ()):
                name = text[at : at + length]
                if any(name in table for table in tables):
                    yield at, name
                    at += length - 1
                    break
            at += 1
