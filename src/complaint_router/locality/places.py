"""Places that a city's tickets taught: estates, roads, markets and the division that each lies in.

The model folder keeps them as `places.json`: name → [division code, purity].
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from complaint_router.errors import ModelError
from complaint_router.folder import FILES, read_json
from complaint_router.locality.scan import NameIndex
from complaint_router.schema import Mention


@dataclass(frozen=True)
class LearnedPlaces:
    """Division code and purity (share of tickets with the name that lie there) by name."""

    names: Mapping[str, tuple[str, float]]
    _index: NameIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", NameIndex(self.names))

    def find(self, text: str) -> Iterator[tuple[Mention, str, float]]:
        """Known names in the text, left to right, the longest at each place: mention, division code, purity."""
        for at, name in self._index.scan(text, self.names):
            yield Mention(name, at, at + len(name)), *self.names[name]

    def save(self, folder: Path) -> None:
        """Write `places.json`."""
        (folder / FILES.places).write_text(json.dumps(self.names, ensure_ascii=False, indent=0) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> LearnedPlaces:
        """Read `places.json`; none learned where there is no such file.

        Raises:
            ModelError: it is broken.
        """
        path = folder / FILES.places
        if not path.is_file():
            return cls({})
        try:
            return cls({str(name): (str(code), float(purity)) for name, (code, purity) in read_json(path).items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{path}: is broken ({error}); train or copy the model anew") from error
