"""`Router`: the only place where text, engine, locality and dispatch meet."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complaint_router import folder as model_folder
from complaint_router import text as texts_
from complaint_router.dispatch import Calibration, Labels, UnitDirectory, decide
from complaint_router.engine import Engine
from complaint_router.errors import ArgumentError, ModelError
from complaint_router.folder import FILES, SERVING_FILES, TIERS, Config
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.schema import Candidate, Decision, Department, Locality, Route, Unit
from complaint_router.taxonomy import Taxonomy

NOT_TEXT = "not_text"
EMPTY = "empty"
NO_CHINESE = "no_chinese"

_CHUNK = 1_024
"""Complaints that are routed together: enough of each length for the graph, few enough for a small memory."""


class Router:
    """Routes complaints: category, department, unit, locality, and the decision to dispatch or to let a person look.

    Load one with `Router.from_pretrained`. A router is read-only after loading and may be used by several threads.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        taxonomy: Taxonomy,
        engine: Engine,
        calibration: Calibration,
        resolver: Resolver,
        units: UnitDirectory | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.fingerprint = _fingerprint(folder, options or {})
        """Of two routers with one fingerprint, equal texts get equal routes."""
        self._folder = folder
        self._options = dict(options or {})
        self._config = config
        self._taxonomy = taxonomy
        self._engine = engine
        self._labels = Labels(taxonomy, config.targets)
        self._calibration = calibration
        self._resolver = resolver
        self._units = units

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        *,
        home: str | None = None,
        units: str | Path | None = None,
        threads: int = 1,
    ) -> Router:
        """Load a model folder; without `model`, the national one that the package carries.

        Args:
            model: a folder that `complaint-router train` or `save_pretrained` wrote.
            home: code of the division whose hotline this is, such as "460100" (海口市); it settles ambiguous place
                names. Default: the home that the model was trained with, if any.
            units: a unit directory, a table with the columns name, function (a department's code), division (a code)
                and level; it turns function and place into the concrete unit. Where the model was trained on units it
                answers with those, and the directory says in which division each acts, before what was learned.
            threads: that share the work of one call. More than one shortens the wait for a single long letter; of many
                complaints more are routed by several processes with one thread each.

        Raises:
            ModelError: the folder or a file of it is missing, broken or not what its manifest vouches for.
            ArgumentError: `home` is not the code of a division, or `threads` is no number from 1 up.
            DataError: `units` cannot be read, or names a division or function that there is not.
        """
        if threads < 1:
            raise ArgumentError(f"threads is {threads}; name a whole number from 1 up")
        folder = model_folder.locate(model)
        model_folder.verify(folder, SERVING_FILES)
        config = Config.load(folder)
        calibration = Calibration.load(folder)
        engine = Engine(folder, config, threads)
        for target in config.targets:
            if target not in calibration.targets or not calibration.targets[target].curves.keys() >= set(engine.tiers):
                raise ModelError(f"{folder / FILES.calibration}: has no calibration of {target}")
        taxonomy = Taxonomy.load(folder / FILES.taxonomy)
        gazetteer = Gazetteer.load()
        resolver = Resolver(gazetteer, home or config.home, LearnedPlaces.load(folder, gazetteer))
        functions = {*taxonomy.departments, *config.targets.get("department", ())}
        learned = UnitDirectory.load(folder, gazetteer, functions)
        given = UnitDirectory.read(Path(units), gazetteer, functions) if units else None
        directory = learned.merged(given) if learned else given
        options = {"home": home, "units": Path(units).absolute() if units else None, "threads": threads}
        return cls(folder, config, taxonomy, engine, calibration, resolver, directory, options)

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: it loads the folder anew."""
        return _reload, (self._folder.absolute(), self._options)

    @property
    def targets(self) -> dict[str, tuple[str, ...]]:
        """What the model predicts: for each target its labels."""
        return dict(self._config.targets)

    @property
    def taxonomy(self) -> Taxonomy:
        """The topics and departments that name the model's labels."""
        return self._taxonomy

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the whole model folder, with the home that this router has, for `from_pretrained` to load.

        Raises:
            DataError: `folder` holds something else than a model, or nothing can be written there.
        """
        with model_folder.replacing(Path(folder)) as partial:
            for path in self._folder.iterdir():
                if path.is_file():
                    shutil.copyfile(path, partial / path.name)
            replace(self._config, home=self._resolver.home).save(partial)
            if self._units:
                self._units.save(partial)

    def route(self, text: str) -> Route:
        """Route one complaint.

        Raises:
            TypeError: `text` is not a str.
        """
        if not isinstance(text, str):
            raise TypeError(f"a complaint must be a str, not {type(text).__name__}")
        return self._routed([text])[0]

    def route_batch(self, texts: Iterable[str]) -> list[Route]:
        """Route complaints, in order, one Route for each: one that cannot be used is flagged and sent to review.

        A complaint gets the same route in any company.

        Raises:
            TypeError: `texts` is one str rather than an iterable of them.
        """
        if isinstance(texts, str):
            raise TypeError("route_batch takes an iterable of complaints; for a single one call route")
        remaining = iter(texts)
        routes: list[Route] = []
        while chunk := list(islice(remaining, _CHUNK)):
            routes += self._routed(chunk)
        return routes

    def _routed(self, texts: Sequence[Any]) -> list[Route]:
        """Route complaints, or whatever stands in their place, together."""
        prepared = [texts_.prepare(text) if isinstance(text, str) else "" for text in texts]
        usable = [at for at, text in enumerate(prepared) if texts_.has_chinese(text)]
        routes = [_unusable(_flag(text, each)) for text, each in zip(texts, prepared, strict=True)]
        if not usable:
            return routes
        said = self._engine.said([prepared[at] for at in usable])
        cuts = [texts[at][: texts_.TEXT_LIMIT] for at in usable]
        logits = dict(said.logits)
        if self._units and "unit" in logits:
            units = self._config.targets["unit"]
            places = [self._units.evidence(units, self._resolver.spread(cut)) for cut in cuts]
            logits["unit"] = logits["unit"] + np.stack(places)
        scores = {target: self._scored(target, values, said.tiers) for target, values in logits.items()}
        ranked = {target: self._labels.ranked(target, values) for target, values in scores.items()}
        for row, (at, cut) in enumerate(zip(usable, cuts, strict=True)):
            best = {target: candidates[row] for target, candidates in ranked.items()}
            routes[at] = self._route(best, scores, row, self._resolver.resolve(cut))
        return routes

    def _scored(self, target: str, logits: NDArray[np.float32], tiers: NDArray[np.int8]) -> NDArray[np.float64]:
        """Calibrated scores, by the curve of the tier that answered each text; shape as given."""
        scores = np.empty(logits.shape)
        for at in np.unique(tiers).tolist():
            rows = tiers == at
            scores[rows] = self._calibration.scores(target, logits[rows], TIERS[at])
        return scores

    def _route(
        self,
        best: Mapping[str, tuple[Candidate, ...]],
        scores: Mapping[str, NDArray[np.float64]],
        row: int,
        locality: Locality | None,
    ) -> Route:
        labels = self._labels
        category = labels.category(best["category"]) if "category" in best else None
        department: Department | None
        if "department" in best:
            department = labels.department(best["department"], category)
        else:
            department = labels.department_of_duty(scores["category"][row], category) if category else None
        unit: Unit | None = None
        if "unit" in best:
            unit = labels.unit(best["unit"])
        elif self._units:
            unit = self._units.assign(department, locality)
        return Route(
            category=category,
            department=department,
            unit=unit,
            locality=locality,
            decision=decide(category, department, unit, locality, self._calibration, self._config.taught),
            kind=best["kind"][0].code if "kind" in best else None,
            urgency=best["urgency"][0].code if "urgency" in best else None,
            flags=(),
        )


def _fingerprint(folder: Path, options: Mapping[str, Any]) -> str:
    """A hash of the model's files, by its manifest, of the home and of the unit directory."""
    digest = hashlib.sha256((folder / FILES.manifest).read_bytes())
    digest.update(repr(options.get("home")).encode())
    if options.get("units"):
        digest.update(options["units"].read_bytes())
    return digest.hexdigest()


def _reload(folder: Path, options: Mapping[str, Any]) -> Router:
    return Router.from_pretrained(folder, **options)


def _flag(text: Any, prepared: str) -> str:
    """Why a text cannot be used, if it cannot."""
    if not isinstance(text, str):
        return NOT_TEXT
    return NO_CHINESE if prepared else EMPTY


def _unusable(flag: str) -> Route:
    return Route(None, None, None, None, Decision("review", 0.0, (flag,)), None, None, (flag,))
