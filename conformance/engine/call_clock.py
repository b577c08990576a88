"""How long the call under way has taken, where another process can see it.

A kernel that hangs can stop every clock of its own process, so the clock is read from outside: sixteen bytes of a file, which
the process maps into its memory and the one that watches it reads.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..hosts.line import TIMES
from .standard_streams import keep_standard_streams

__all__ = ["CallClock", "timed_call", "under_way"]

FORM = struct.Struct("dd")
"""When the call under way began, in seconds of the system's monotonic clock, 0 where none is; how many seconds it may take."""


class CallClock:
    """The clock of one process."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(FORM.size))
        with file.open("r+b") as opened:
            self._bytes = mmap.mmap(opened.fileno(), FORM.size)
        self._asked, self._limit = "", 0.0
        self._longest: dict[str, float] = {}

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call. One that is answered shows how long calls take."""
        began, before = time.monotonic(), self._longest.get(self._asked, 0.0)
        FORM.pack_into(self._bytes, 0, began, max(self._limit, TIMES * before))
        try:
            yield
            self._longest[self._asked] = max(before, time.monotonic() - began)
        finally:
            FORM.pack_into(self._bytes, 0, 0.0, 0.0)
            keep_standard_streams()

    @contextmanager
    def running(self, implementation: str, limit: float) -> Iterator[None]:
        """Calls inside of the block are of this implementation. limit: seconds that one may take, in any case."""
        self._asked, self._limit = implementation, limit
        token = _CLOCK.set(self)
        try:
            yield
        finally:
            _CLOCK.reset(token)


_CLOCK: ContextVar[CallClock | None] = ContextVar("clock", default=None)


@contextmanager
def timed_call() -> Iterator[None]:
    """Around each call of an implementation; without a clock that runs it does nothing."""
    clock = _CLOCK.get()
    if clock is None:
        yield
        return
    with clock.call():
        yield


def under_way(file: Path) -> tuple[float, float] | None:
    """For how many seconds a call of another process has been under way, and how many it may take; None where none is."""
    try:
        began, allowed = FORM.unpack(file.read_bytes())
    except (OSError, struct.error):
        return None
    return (time.monotonic() - began, allowed) if began else None
