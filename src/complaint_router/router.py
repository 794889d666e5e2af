"""`Router`: the only place where text, engine, locality and dispatch meet."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from complaint_router import folder as model_folder
from complaint_router import text as texts_
from complaint_router.dispatch import Calibration, Labels, UnitDirectory, decide
from complaint_router.engine import Engine
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, SERVING_FILES, Config
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.schema import Decision, Department, Route, Unit
from complaint_router.taxonomy import Taxonomy

NOT_TEXT = "not_text"
EMPTY = "empty"
NO_CHINESE = "no_chinese"


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
    ) -> None:
        self._folder = folder
        self._config = config
        self._taxonomy = taxonomy
        self._engine = engine
        self._labels = Labels(taxonomy, config.targets)
        self._calibration = calibration
        self._resolver = resolver
        self._units = units

    @classmethod
    def from_pretrained(
        cls, model: str | Path | None = None, *, home: str | None = None, units: str | Path | None = None
    ) -> Router:
        """Load a model folder; without `model`, the national one that the package carries.

        Args:
            model: a folder that `complaint-router train` or `save_pretrained` wrote.
            home: code of the division whose hotline this is, such as "460100" (海口市); it settles ambiguous place
                names. Default: the home that the model was trained with, if any.
            units: a unit directory, a table with the columns name, function (a department's code), division (a code)
                and level; it turns function and place into the concrete unit. Where the model was trained on units it
                answers with those, and the directory says in which division each acts, before what was learned.

        Raises:
            ModelError: the folder or a file of it is missing, broken or not what its manifest vouches for.
            ArgumentError: `home` is not the code of a division.
            DataError: `units` cannot be read, or names a division or function that there is not.
        """
        folder = model_folder.locate(model)
        model_folder.verify(folder, SERVING_FILES)
        config = Config.load(folder)
        calibration = Calibration.load(folder)
        for target in config.targets:
            if target not in calibration.targets:
                raise ModelError(f"{folder / FILES.calibration}: has no calibration of {target}")
        taxonomy = Taxonomy.load(folder / FILES.taxonomy)
        gazetteer = Gazetteer.load()
        resolver = Resolver(gazetteer, home or config.home, LearnedPlaces.load(folder, gazetteer))
        functions = {*taxonomy.departments, *config.targets.get("department", ())}
        learned = UnitDirectory.load(folder, gazetteer, functions)
        given = UnitDirectory.read(Path(units), gazetteer, functions) if units else None
        directory = learned.merged(given) if learned else given
        return cls(folder, config, taxonomy, Engine(folder, config), calibration, resolver, directory)

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
        return self._route(text)

    def route_batch(self, texts: Iterable[str]) -> list[Route]:
        """Route complaints, in order, one Route for each: one that cannot be used is flagged and sent to review.

        Raises:
            TypeError: `texts` is one str rather than an iterable of them.
        """
        if isinstance(texts, str):
            raise TypeError("route_batch takes an iterable of complaints; for a single one call route")
        return [self._route(text) if isinstance(text, str) else _unusable(NOT_TEXT) for text in texts]

    def _route(self, text: str) -> Route:
        prepared = texts_.prepare(text)
        if not prepared:
            return _unusable(EMPTY)
        if not texts_.has_chinese(prepared):
            return _unusable(NO_CHINESE)
        logits = self._engine.logits(prepared)
        cut = text[: texts_.TEXT_LIMIT]
        locality = self._resolver.resolve(cut)
        if self._units and "unit" in logits:
            evidence = self._units.evidence(self._config.targets["unit"], self._resolver.spread(cut))
            logits["unit"] = logits["unit"] + evidence
        found = {target: self._calibration.scores(target, values) for target, values in logits.items()}
        labels = self._labels
        category = labels.category(found["category"]) if "category" in found else None
        department: Department | None
        if "department" in found:
            department = labels.department(found["department"], category)
        else:
            department = labels.department_of_duty(found["category"], category) if category else None
        unit: Unit | None = None
        if "unit" in found:
            unit = labels.unit(found["unit"])
        elif self._units:
            unit = self._units.assign(department, locality)
        return Route(
            category=category,
            department=department,
            unit=unit,
            locality=locality,
            decision=decide(category, department, unit, locality, self._calibration, self._config.taught),
            kind=labels.plain("kind", found["kind"]) if "kind" in found else None,
            urgency=labels.plain("urgency", found["urgency"]) if "urgency" in found else None,
            flags=(),
        )


def _unusable(flag: str) -> Route:
    return Route(None, None, None, None, Decision("review", 0.0, (flag,)), None, None, (flag,))
