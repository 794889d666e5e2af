"""Load a taxonomy from YAML and hold it to its rules."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from complaint_router.errors import TaxonomyError

_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NEED_TIERS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Department:
    """A function of government and what it answers for."""

    code: str
    name: str
    duty: str


@dataclass(frozen=True, slots=True)
class Topic:
    """What a complaint can be about, with its row of the duty matrix (`lead`, `co`: codes of departments)."""

    code: str
    domain: str
    name: str
    scope: str
    lead: str
    co: tuple[str, ...]
    need_tier: int
    petition_class: str
    time_limit_hours: Mapping[str, int]
    """Hours until the caller must have an answer, by urgency."""


@dataclass(frozen=True)
class Taxonomy:
    """Topics and departments by code, in the order of the file."""

    topics: Mapping[str, Topic]
    departments: Mapping[str, Department]
    source: str
    """The YAML that it was loaded from, as it stands, to be kept in a model folder."""

    @classmethod
    def load(cls, path: str | Path | None = None) -> Taxonomy:
        """Load a taxonomy file; without a path, the national one that the package carries.

        Raises:
            TaxonomyError: the file cannot be read or breaks a rule; the message names file and line.
        """
        if path is None:
            return cls.parse(files(__package__).joinpath("national.yaml").read_text("utf-8"), "national.yaml")
        try:
            source = Path(path).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TaxonomyError(f"{path}: cannot be read as UTF-8 text ({error})") from error
        return cls.parse(source, str(path))

    @classmethod
    def parse(cls, source: str, name: str = "taxonomy") -> Taxonomy:
        """Parse the YAML text of a taxonomy; `name` stands in front of error messages.

        Raises:
            TaxonomyError: a rule is broken; the message names the line.
        """
        try:
            document = _load_with_lines(source)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise TaxonomyError(f"{name}{line}: is not YAML: {getattr(error, 'problem', error)}") from error
        return _Reader(name).taxonomy(document, source)

    def label_name(self, target: str, label: str) -> str:
        """Name of a target's label: that of the taxonomy where it is a code of it, else the label itself."""
        if target == "category" and label in self.topics:
            return self.topics[label].name
        if target == "department" and label in self.departments:
            return self.departments[label].name
        return label

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, in the order of the file."""
        return tuple(dict.fromkeys(topic.domain for topic in self.topics.values()))


class _Entry(dict[Hashable, Any]):
    """A mapping of the YAML file that knows its line."""

    line = 1


def _load_with_lines(source: str) -> Any:
    loader = _Loader(source)
    try:
        node = loader.get_single_node()
        return _build(node) if node is not None else None
    finally:
        loader.dispose()


def _build(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        entry = _Entry((_build(key), _build(value)) for key, value in node.value)
        entry.line = node.start_mark.line + 1
        return entry
    if isinstance(node, yaml.SequenceNode):
        return [_build(item) for item in node.value]
    # Codes such as 0101 and yes/no would change their spelling as YAML numbers and booleans: all stay strings.
    return str(node.value)


class _Reader:
    """Turns the parsed YAML into a Taxonomy; every complaint of it names file and line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def taxonomy(self, document: Any, source: str) -> Taxonomy:
        if not isinstance(document, _Entry):
            raise self.error(1, "the file must be a mapping with time_limit_hours, departments and topics")
        limits = self.limits(document, document.line)
        departments: dict[str, Department] = {}
        for entry in self.entries(document, "departments"):
            code = self.unique(entry, departments)
            departments[code] = Department(code, self.text(entry, "name"), self.text(entry, "duty"))
        topics: dict[str, Topic] = {}
        for entry in self.entries(document, "topics"):
            code = self.unique(entry, topics)
            topics[code] = self.topic(code, entry, departments, limits)
        return Taxonomy(topics, departments, source)

    def topic(self, code: str, entry: _Entry, departments: Iterable[str], limits: Mapping[str, int]) -> Topic:
        lead = self.text(entry, "lead")
        co = entry.get("co", [])
        if not isinstance(co, list):
            raise self.error(entry.line, f"topic {code}: co must be a list of department codes")
        for department in (lead, *co):
            if department not in departments:
                raise self.error(entry.line, f"topic {code}: {department!r} is not the code of a department")
        if lead in co:
            raise self.error(entry.line, f"topic {code}: co repeats the lead {lead!r}")
        tier = self.text(entry, "need_tier")
        if tier not in map(str, _NEED_TIERS):
            raise self.error(entry.line, f"topic {code}: need_tier is {tier}, not one of {_NEED_TIERS}")
        own = self.limits(entry, entry.line) if "time_limit_hours" in entry else {}
        return Topic(
            code=code,
            domain=self.text(entry, "domain"),
            name=self.text(entry, "name"),
            scope=self.text(entry, "scope"),
            lead=lead,
            co=tuple(co),
            need_tier=int(tier),
            petition_class=str(entry.get("petition_class", "")),
            time_limit_hours={**limits, **own},
        )

    def entries(self, document: _Entry, key: str) -> Iterator[_Entry]:
        entries = document.get(key)
        if not isinstance(entries, list) or not entries:
            raise self.error(document.line, f"{key} must be a list with at least one entry")
        for entry in entries:
            if not isinstance(entry, _Entry):
                raise self.error(document.line, f"{key}: {entry!r} is not a mapping such as {{code: …, name: …}}")
            yield entry

    def unique(self, entry: _Entry, known: Mapping[str, object]) -> str:
        code = self.text(entry, "code")
        if code in known:
            raise self.error(entry.line, f"code {code!r} is there twice")
        return code

    def text(self, entry: _Entry, key: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(entry.line, f"{key} is missing in the entry of {entry.get('code', '(no code)')}")
        return value

    def limits(self, entry: _Entry, line: int) -> dict[str, int]:
        limits = entry.get("time_limit_hours")
        if not isinstance(limits, _Entry) or not all(str(hours).isdigit() for hours in limits.values()):
            raise self.error(line, "time_limit_hours must map each urgency to whole hours")
        return {str(urgency): int(hours) for urgency, hours in limits.items()}

    def error(self, line: int, message: str) -> TaxonomyError:
        return TaxonomyError(f"{self.name}:{line}: {message}")
