"""Standard output that may go away: a pager that was left, `| head -1`, or no output at all (`>&-`).

A run whose reader has left goes on to its end, for its exit code and its report are wanted all the same.
"""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

__all__ = ["ready"]


def ready() -> None:
    """Make both streams of this process safe to write to."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif not isinstance(stream, _MayBreak):
            setattr(sys, name, _MayBreak(stream))


class _MayBreak:
    """A stream that falls silent when its reader leaves."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._fall_silent()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._fall_silent()

    def _fall_silent(self) -> None:
        """The same descriptor now leads nowhere, so that what is still in a buffer, and what libraries write, is no error."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
