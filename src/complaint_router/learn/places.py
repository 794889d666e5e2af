"""Learn from a city's tickets which named places lie in which division, and what words tell its districts apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.model_selection import KFold
from sklearn.naive_bayes import ComplementNB

from complaint_router.errors import ArgumentError
from complaint_router.learn.data import PLACE_LEVELS, Example
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.locality.gazetteer import short_name
from complaint_router.locality.places import LearnedName
from complaint_router.locality.words import FEATURES, PlaceWords, features, place_names, weighted, without
from complaint_router.probability import softmax
from complaint_router.progress import progress_bar
from complaint_router.text import TEXT_LIMIT, fold

FEWEST = 3
"""Tickets that must name a place before it is learned."""
LEAST_PURITY = 0.8
"""Share of them that must lie in one division."""

_SMOOTHING = 0.1
"""Of the naive Bayes; 0.03 to 0.3 differ little."""
_FOLDS = 4
_TEMPERATURES = np.geomspace(0.02, 2, 60)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, and how many rows name places that are no divisions under home."""

    places: LearnedPlaces
    unknown: int


@dataclass(frozen=True, slots=True)
class _Located:
    """A text without the divisions that it names, and where its matter lies."""

    text: str
    code: str


def learn_places(examples: Sequence[Example], home: str | None) -> Lesson:
    """Learn from examples that say where their matter lies.

    A row says so by its place columns, else by the name of its unit (龙华区城管局), else by its text.

    Raises:
        ArgumentError: no home is given, so the names of districts and towns cannot be told apart.
    """
    if home is None:
        raise ArgumentError("--place needs --home, the division code whose districts and towns the columns name")
    gazetteer = Gazetteer.load()
    resolver = Resolver(gazetteer, home)
    codes = _codes_under(home)
    units: dict[str, str | None] = {}
    located, unknown = [], 0
    with progress_bar() as progress:
        for example in progress.track(examples, description="learning places"):
            told = _code(example.places, codes)
            unknown += told is None and bool(example.places)
            text = fold(example.text[:TEXT_LIMIT])
            named = resolver.resolve(text)
            for unit in example.labels.get("unit", ())[:1]:
                if unit not in units:
                    units[unit] = resolver.below_home(resolver.resolve(unit))
                told = told or units[unit]
            code = _deeper(told, resolver.below_home(named))
            if code:
                located.append(_Located(without(text, named.mentions if named else ()), code))
    # Words tell districts, and towns in a district, apart; a province's cities would be a third level.
    words = None if gazetteer.is_province(home) else _words(located)
    return Lesson(LearnedPlaces(_names(located), words), unknown)


def _deeper(told: str | None, named: str | None) -> str | None:
    """What is told, but for a town that the text names within it."""
    if told and named and len(named) > len(told) and named.startswith(told):
        return named
    return told or named


def _names(located: Iterable[_Located]) -> dict[str, LearnedName]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in located:
        for name in set(place_names(each.text)):
            counts[name][each.code] += 1
    settled = {name: place for name, found in counts.items() if (place := _settle(found))}
    return {name: place for name, place in sorted(settled.items()) if _is_own(name, settled)}


def _is_own(name: str, settled: Mapping[str, LearnedName]) -> bool:
    """Whether no ending of the name says the same: what callers put in front of a place is not kept."""
    return not any(settled.get(name[at:], ("",))[0] == settled[name].code for at in range(1, len(name)))


def _settle(found: Counter[str]) -> LearnedName | None:
    """The town that is pure enough, else the district, else nothing."""
    by_district: Counter[str] = Counter()
    for code, count in found.items():
        by_district[code[:6]] += count
    for counts in (Counter({code: count for code, count in found.items() if len(code) == 9}), by_district):
        if counts:
            code, count = counts.most_common(1)[0]
            if count >= FEWEST and count >= LEAST_PURITY * counts.total():
                return LearnedName(code, count, round(count / counts.total(), 4))
    return None


def _words(located: Sequence[_Located]) -> PlaceWords | None:
    """Fit one naive Bayes for districts and one for towns, n-grams and names each for itself, and add them up.

    Complement naive Bayes (Rennie et al., ICML 2003) is made for labels of very different counts. Each part is put to
    a spread of 1 before they are added.
    """
    texts = [each.text for each in located]
    rarity = _rarity(texts)
    parts = []
    for length in (6, 9):
        rows = [index for index, each in enumerate(located) if len(each.code) >= length]
        labels = np.array([located[index].code[:length] for index in rows])
        if len(set(labels.tolist())) > 1 and len(rows) >= 2 * _FOLDS:
            matrix = _matrix([texts[index] for index in rows], rarity)
            parts.append(_fitted(matrix, labels))
    if not parts:
        return None
    weights = np.concatenate([weights for _, weights, _ in parts], axis=1)
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-6) / 127
    temperatures = {len(codes[0]): temperature for codes, _, temperature in parts}
    return PlaceWords(
        [code for codes, _, _ in parts for code in codes],
        np.round(weights / scale).astype(np.int8),
        scale.astype(np.float32),
        rarity,
        (temperatures.get(6, 1.0), temperatures.get(9, 1.0)),
    )


def _fitted(matrix: csr_matrix, labels: NDArray[np.str_]) -> tuple[list[str], NDArray[np.float64], float]:
    """Codes, weights of shape (FEATURES, codes), and the temperature that held-out rows ask for."""
    codes, weights = _bayes(matrix, labels)
    index = {code: at for at, code in enumerate(codes)}
    scores = np.zeros((len(labels), len(codes)), np.float32)
    for rest, held in KFold(_FOLDS, shuffle=True, random_state=0).split(labels):
        known, learned = _bayes(matrix[rest], labels[rest])
        scores[np.ix_(held, [index[code] for code in known])] = matrix[held] @ learned
    right = (np.arange(len(labels)), [index[label] for label in labels])

    def loss(temperature: float) -> float:
        return float(-np.log(softmax(scores, temperature)[right] + 1e-9).mean())

    return codes, weights, float(min(_TEMPERATURES, key=loss))


def _bayes(matrix: csr_matrix, labels: NDArray[np.str_]) -> tuple[list[str], NDArray[np.float64]]:
    halves = []
    middle = FEATURES // 2
    for half in (slice(0, middle), slice(middle, FEATURES)):
        bayes = ComplementNB(alpha=_SMOOTHING).fit(matrix[:, half], labels)
        weights = bayes.feature_log_prob_.T - bayes.feature_log_prob_.T.mean(axis=1, keepdims=True)
        halves.append(weights / max(float((matrix[:, half] @ weights).std()), 1e-6))
    return bayes.classes_.tolist(), np.concatenate(halves)


def _rarity(texts: Sequence[str]) -> NDArray[np.float32]:
    """Smoothed inverse document frequency, as scikit-learn's TfidfVectorizer has it; shape (FEATURES,)."""
    holding = np.zeros(FEATURES)
    for text in texts:
        holding[features(text)[0]] += 1
    rarity = np.log((1 + len(texts)) / (1 + holding)) + 1
    return rarity.astype(np.float16).astype(np.float32)


def _matrix(texts: Sequence[str], rarity: NDArray[np.float32]) -> csr_matrix:
    rows = [weighted(text, rarity) for text in texts]
    ends = np.cumsum([0, *(len(found) for found, _ in rows)])
    found, weights = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return csr_matrix((weights, found, ends), shape=(len(texts), FEATURES))


def _codes_under(home: str) -> dict[tuple[str, ...], str]:
    """Codes of the districts by (district,), short names too, and of the towns by (town,) and (district, town)."""
    gazetteer = Gazetteer.load()
    codes: dict[tuple[str, ...], str] = {}
    ambiguous = set()
    for code, name in gazetteer.names.items():
        chain = gazetteer.chain(code)
        if home in chain[:-1]:
            keys = {(name,), (short_name(code, name),), (gazetteer.names[chain[-2]], name)}
            for key in keys:
                if key in codes:
                    ambiguous.add(key)
                codes[key] = code
    return {key: code for key, code in codes.items() if key not in ambiguous}


def _code(places: Mapping[str, str], codes: Mapping[tuple[str, ...], str]) -> str | None:
    district, town = (places.get(level, "") for level in PLACE_LEVELS)
    return codes.get((district, town)) or codes.get((town,)) or codes.get((district,))
