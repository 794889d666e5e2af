"""Places that a city's tickets taught: which division a named estate, road or market lies in, and what words say.

The model folder keeps the names as `places.json`, to be read by people too, and the words as `places.npz`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from complaint_router.errors import ModelError
from complaint_router.folder import FILES, read_json
from complaint_router.locality.gazetteer import Gazetteer
from complaint_router.locality.scan import NameIndex
from complaint_router.locality.words import PlaceWords
from complaint_router.probability import softmax
from complaint_router.schema import Mention


class LearnedName(NamedTuple):
    """Where a name lies: the division, how many tickets named it, and what share of them lay there."""

    code: str
    tickets: int
    purity: float


@dataclass(frozen=True)
class LearnedPlaces:
    """Names of places, and the words that tell districts and towns apart where no name helps."""

    names: Mapping[str, LearnedName]
    words: PlaceWords | None = None
    _index: NameIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", NameIndex(self.names))

    def __bool__(self) -> bool:
        """Whether anything was learned."""
        return bool(self.names) or self.words is not None

    def find(self, text: str) -> Iterator[tuple[Mention, LearnedName]]:
        """Known names in the text, left to right, the longest at each place."""
        for at, name in self._index.scan(text, self.names):
            yield Mention(name, at, at + len(name)), self.names[name]

    def chances(self, text: str, gazetteer: Gazetteer, within: str) -> list[tuple[str, float]]:
        """The divisions right below `within` that were learned, the likeliest first, with their probabilities."""
        if self.words is None:
            return []
        codes = self.words.codes
        below = [index for index, code in enumerate(codes) if gazetteer.chain(code)[-2:-1] == (within,)]
        if not below:
            return []
        town = len(codes[below[0]]) > len(within)
        chances = softmax(self.words.scores(text)[below], self.words.temperatures[int(town)]).tolist()
        return sorted(((codes[index], chance) for index, chance in zip(below, chances, strict=True)), key=_by_chance)

    def save(self, folder: Path, gazetteer: Gazetteer) -> None:
        """Write `places.json` and `places.npz`."""
        raw = {"gazetteer": gazetteer.version, "names": self.names}
        text = json.dumps(raw, ensure_ascii=False, indent=0)
        (folder / FILES.places).write_text(text + "\n", "utf-8")
        if self.words:
            self.words.save(folder)

    @classmethod
    def load(cls, folder: Path, gazetteer: Gazetteer) -> LearnedPlaces | None:
        """Read both files; None where the model has learned no places.

        Raises:
            ModelError: a file is broken, or names divisions of another gazetteer than this one.
        """
        path = folder / FILES.places
        if not path.is_file():
            return None
        raw = read_json(path)
        try:
            version, rows = raw["gazetteer"], raw["names"].items()
            names = {str(name): LearnedName(str(code), int(count), float(share)) for name, (code, count, share) in rows}
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"{path}: is broken ({error}); train or copy the model anew") from error
        if version != gazetteer.version:
            raise ModelError(
                f"{path}: was learned with the divisions as of {version}, and these are as of {gazetteer.version}; "
                "train anew with --place"
            )
        words = PlaceWords.load(folder)
        if not all(0 <= each.purity <= 1 for each in names.values()):
            raise ModelError(f"{path}: is broken (a share is not between 0 and 1); train or copy the model anew")
        for code in (*(each.code for each in names.values()), *(words.codes if words else ())):
            if code not in gazetteer.names:
                raise ModelError(f"{path}: {code} is not the code of a division; train or copy the model anew")
        return cls(names, words)


def _by_chance(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]
