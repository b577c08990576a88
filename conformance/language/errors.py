"""Errors of a spec: each says where it is and what would fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["SpecError", "nearest"]


class SpecError(Exception):
    """A law file that cannot be loaded. The text starts with file:line where these are known."""

    def __init__(self, message: str, file: Path | str | None = None, line: int | None = None) -> None:
        self.message, self.file, self.line = message, file, line
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(place + message)

    def at(self, file: Path | str, line: int | None) -> SpecError:
        """The same error with its place filled in."""
        return SpecError(self.message, self.file or file, self.line or line)


def nearest(word: str, known: Iterable[str]) -> str:
    """A half-sentence that offers the nearest known word, or nothing."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""
