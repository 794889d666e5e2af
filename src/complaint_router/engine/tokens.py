"""Token ids of a prepared text; training and serving share this, so both read the same."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from complaint_router.errors import ModelError
from complaint_router.text import HEAD_SHARE


class Tokens:
    """Encodes a text; one longer than `max_tokens` keeps its head, its tail and the special tokens."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.max_tokens = max_tokens
        self._head = int(max_tokens * HEAD_SHARE)

    @classmethod
    def load(cls, path: Path, max_tokens: int) -> Tokens:
        """Read a `tokenizer.json`.

        Raises:
            ModelError: the file is broken.
        """
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ModelError(f"{path}: is not a tokenizer ({error})") from error
        return cls(tokenizer, max_tokens)

    def __call__(self, text: str) -> list[int]:
        """Token ids, at most `max_tokens` of them, special tokens included."""
        ids: list[int] = self.tokenizer.encode(text).ids
        if len(ids) <= self.max_tokens:
            return ids
        return ids[: self._head] + ids[self._head - self.max_tokens :]
