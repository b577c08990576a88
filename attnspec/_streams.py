"""Standard output that may go away: a pager that was left, `| head -1`, or no output at all (`>&-`).

A run whose reader has left goes on to its end, for its exit code and its report are wanted all the same.
"""

from __future__ import annotations

import contextlib
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
            with contextlib.suppress(AttributeError, OSError):  # Not every stream can be told.
                stream.reconfigure(errors="backslashreplace")  # A terminal may know fewer letters than a report has.
            setattr(sys, name, _MayBreak(stream, name))


class _MayBreak:
    """A stream that falls silent when its reader leaves, or nothing more can be written to it. name: stdout or stderr.

    lost: whether it fell silent for another reason than that its reader left.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name, self.lost = stream, name, False

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._fall_silent(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._fall_silent(error)

    def _fall_silent(self, error: OSError) -> None:
        """The same descriptor now leads nowhere, so that what is still in a buffer, and what libraries write, is no error."""
        if not isinstance(error, BrokenPipeError):
            self.lost = True
            if self._name == "stdout":
                print(f"attnspec: the output cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
