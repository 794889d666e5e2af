"""The state of an unfinished training on disk, so that a killed one goes on as if it had not been."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import torch

from complaint_router.errors import DataError

SECONDS = 120.0
"""At most so much of the training is lost when it is killed."""


class Checkpoint:
    """One file for each network, in a folder of its own beside the model that is being trained.

    It is read as plain tensors and numbers, so loading it runs no code.
    """

    def __init__(self, output: Path, digest: str, name: str = "network") -> None:
        """`output` is the model folder to be; `digest` tells data, options and start apart; `name` the network."""
        self._path = _folder(output) / f"{name}.pt"
        self._digest = digest
        self._saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """What was saved last; None where nothing was.

        Raises:
            DataError: the checkpoint is of other rows, options or another start, or cannot be read.
        """
        if not self._path.is_file():
            return None
        advice = "train without --resume, or with the rows and options of before"
        try:
            content = torch.load(self._path, weights_only=True)
        except Exception as error:  # of torch, zipfile and pickle: they have no common base but Exception
            raise DataError(f"{self._path}: cannot be read ({type(error).__name__}); train without --resume") from error
        if content["digest"] != self._digest:
            raise DataError(f"{self._path}: is of other rows or options; {advice}")
        state: dict[str, Any] = content["state"]
        return state

    @property
    def due(self) -> bool:
        """Whether the last one is so old that a new one should be saved."""
        return time.monotonic() - self._saved >= SECONDS

    def save(self, state: dict[str, Any]) -> None:
        """Replace what was saved before, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        torch.save({"digest": self._digest, "state": state}, partial)
        partial.replace(self._path)
        self._saved = time.monotonic()

    @staticmethod
    def remove(output: Path) -> None:
        """Forget those of all networks: the training is done."""
        shutil.rmtree(_folder(output), ignore_errors=True)


def _folder(output: Path) -> Path:
    output = output.absolute()
    return output.with_name(output.name + ".training")
