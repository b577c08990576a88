"""An exception of the implementation, as a line and a traceback that can be kept: what a stranger raises may be of any size."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from ...reports.visible import both_ends, said

__all__ = ["Raised"]

FRAMES, LINES, LONGEST = 16, 40, 2_000
"""Innermost frames of a traceback, lines of it, and characters of a frame or message that are kept."""

MARKS = frozenset(" ^~")
"""What a line is made of that only points at a part of the line above."""


class Raised(Exception):
    """The implementation raised. The text is one line, `trace` the lines of the traceback from the implementation on.

    kinds: the names of the type of what was raised, and of those that it is derived from.
    """

    def __init__(self, kinds: Sequence[str], text: str, trace: Sequence[str]) -> None:
        super().__init__(text)
        self.kinds, self.trace = tuple(kinds), list(trace)

    @classmethod
    def by(cls, error: BaseException) -> Raised:
        """By an exception."""
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return cls(kinds, f"{type(error).__name__}: {said(error)}", _trace(error))


def _trace(error: BaseException) -> list[str]:
    """Lines without the call from the kit. Of many the first are kept and, above all, the innermost frames, which say where."""
    behind = error.__traceback__.tb_next if error.__traceback__ is not None else None
    found = traceback.TracebackException(type(error), error, behind, limit=-FRAMES, compact=True)
    lines = [line for part in found.format() for line in both_ends(part, LONGEST).splitlines() if set(line) - MARKS]
    first = LINES // 4
    return lines if len(lines) <= LINES else [*lines[:first], "  …", *lines[first + 1 - LINES :]]
