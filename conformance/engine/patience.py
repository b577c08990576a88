"""When an implementation has raised the same thing often enough.

A wiring error gives the same exception for every law. After a few in a row the rest is one sentence: it costs no time, and
nobody has to read it forty times.
"""

from __future__ import annotations

import re

from .result import Result

__all__ = ["ENOUGH", "Patience", "same_exception"]

ENOUGH = 5
"""Laws in a row that end in the same exception, after which the rest is not tried."""


def same_exception(result: Result) -> str:
    """What tells one exception from another: its message without the numbers in it. Empty for a result that is no exception."""
    return re.sub(r"\d+", "#", result.message) if result.verdict == "error" and result.message.startswith("raised ") else ""


class Patience:
    """Counts the exceptions of one implementation that came in a row."""

    def __init__(self, kind: str = "", count: int = 0, message: str = "") -> None:
        self.kind, self.count, self.message = kind, count, message

    def note(self, result: Result) -> None:
        """Take a result into account. One that is not claimed, or inconclusive, tells nothing."""
        kind = same_exception(result)
        if kind:
            self.count = self.count + 1 if kind == self.kind else 1
            self.kind, self.message = kind, result.message
        elif result.verdict in ("pass", "fail"):
            self.kind, self.count = "", 0

    def at_an_end(self, name: str) -> str | None:
        """Why nothing more of the implementation is tried, or None."""
        if self.count < ENOUGH:
            return None
        return f"not run: the last {ENOUGH} laws tried on {name} ended in the same exception ({self.message})"
