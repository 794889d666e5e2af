"""A model folder: its files, its config, and the manifest that vouches for them.

Nothing in a model folder can run code when it is loaded: JSON, YAML (read as plain data), ONNX, npz without pickles and
safetensors.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from complaint_router.errors import DataError, ModelError

FORMAT = 2
"""Version of the folder's layout; a folder of another version is refused."""

TARGETS = ("category", "department", "unit", "kind", "urgency")
"""What a model can predict, by the names of the Route's fields."""

LINEAR, FULL = TIERS = ("linear", "full")
"""Who can answer: the linear model on n-grams alone, or the whole model, encoder and n-grams mixed."""


@dataclass(frozen=True, slots=True)
class Files:
    """Names of the files in a model folder."""

    config: str = "config.json"
    tokenizer: str = "tokenizer.json"
    graph: str = "model.onnx"
    linear: str = "linear.npz"
    weights: str = "model.safetensors"
    cascade: str = "cascade.json"
    calibration: str = "calibration.json"
    taxonomy: str = "taxonomy.yaml"
    places: str = "places.json"
    place_words: str = "places.npz"
    units: str = "units.csv"
    learned: str = "learned.npy"
    card: str = "README.md"
    plot: str = "reliability.svg"
    report: str = "report.html"
    report_data: str = "report.json"
    manifest: str = "manifest.json"


FILES = Files()
SERVING_FILES = (FILES.config, FILES.tokenizer, FILES.graph, FILES.calibration, FILES.taxonomy)
"""What `Router` needs; the weights are for training that goes on."""
OPTIONAL_FILES = (FILES.linear, FILES.cascade, FILES.places, FILES.place_words, FILES.units)
"""What `Router` uses where a model has it."""


@dataclass(frozen=True)
class Config:
    """What a model knows of itself.

    `targets` holds, for each target, its labels in the order of the logits; `encoder` the Hugging Face
    configuration from which training rebuilds the network; `taught` the targets that the last training taught, the
    others being kept from before; empty where it taught all.
    """

    name: str
    targets: Mapping[str, tuple[str, ...]]
    max_tokens: int
    encoder: Mapping[str, Any]
    home: str | None = None
    taught: tuple[str, ...] = ()
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write `config.json`."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / FILES.config).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Config:
        """Read `config.json`.

        Raises:
            ModelError: it is missing, broken, or of another version of the layout.
        """
        raw = read_json(folder / FILES.config)
        if not isinstance(raw, dict) or raw.get("format") != FORMAT:
            raise ModelError(f"{folder / FILES.config}: is not the config of a model folder of format {FORMAT}")
        try:
            targets = {str(name): tuple(map(str, labels)) for name, labels in raw["targets"].items()}
            config = cls(**{**raw, "targets": targets, "taught": tuple(raw.get("taught", ()))})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ModelError(f"{folder / FILES.config}: is broken ({error}); train or copy the model anew") from error
        unknown = sorted(set(targets) - set(TARGETS))
        if unknown or not targets:
            raise ModelError(f"{folder / FILES.config}: targets {unknown or '(none)'} are not among {TARGETS}")
        return config


def bundled() -> Path:
    """The folder of the national model that the package carries."""
    with as_file(files(__package__)) as package:
        installed = package / "models" / "national"
    if installed.is_dir():
        return installed
    # An editable install runs from the source tree, where the model stands beside `src`.
    return Path(__file__).parents[2] / "models" / "national"


def locate(model: str | Path | None) -> Path:
    """The model folder that `model` names; the bundled one for None.

    Raises:
        ModelError: there is no such folder.
    """
    folder = bundled() if model is None else Path(model)
    if not folder.is_dir():
        raise ModelError(f"{folder}: there is no such model folder")
    return folder


def read_json(path: Path) -> Any:
    """Parse a JSON file of a model folder.

    Raises:
        ModelError: it is missing or not JSON; the message names the file.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path}: is missing; train or copy the model anew") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON; train or copy the model anew") from error


def seal(folder: Path) -> None:
    """Write the manifest: the sha256 of every file in the folder."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != FILES.manifest)
    hashes = {name: file_sha256(folder / name) for name in names}
    (folder / FILES.manifest).write_text(json.dumps({"sha256": hashes}, indent=1) + "\n", encoding="utf-8")


def verify(folder: Path, names: Iterable[str]) -> None:
    """Hold the named files to the manifest, and the optional ones that are in it or in the folder.

    Raises:
        ModelError: a file is missing, not in the manifest, or its hash is off; the message names it.
    """
    manifest = read_json(folder / FILES.manifest)
    hashes = manifest.get("sha256") if isinstance(manifest, dict) else None
    if not isinstance(hashes, dict):
        raise ModelError(f"{folder / FILES.manifest}: holds no sha256 table; train or copy the model anew")
    optional = [name for name in OPTIONAL_FILES if name in hashes or (folder / name).is_file()]
    for name in (*names, *optional):
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{path}: is missing; train or copy the model anew")
        if file_sha256(path) != hashes.get(name):
            raise ModelError(f"{path}: is not the file that the manifest vouches for; train or copy the model anew")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Write a model folder whole or not at all.

    Yields an empty folder beside `folder`; when the block ends well it is sealed and takes the place of an older model
    there, else it is removed.

    Raises:
        DataError: `folder` holds something else than a model, or nothing can be written there.
    """
    folder = folder.absolute()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / FILES.manifest).is_file()):
        raise DataError(f"{folder}: is there already and is not a model folder; name another")
    partial = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        yield partial
        seal(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: Any) -> str:
    """`hashlib.file_digest` for Python 3.10."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
