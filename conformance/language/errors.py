"""Errors of a spec: each says where it is and what would fix it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SpecError"]


class SpecError(Exception):
    """A law file that cannot be loaded. The text starts with file:line where these are known."""

    def __init__(self, message: str, file: Path | str | None = None, line: int | None = None) -> None:
        self.message, self.file, self.line = message, file, line
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(place + message)

    def at(self, file: Path | str, line: int | None) -> SpecError:
        """The same error with its place filled in."""
        return SpecError(self.message, self.file or file, self.line or line)
