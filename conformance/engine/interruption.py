"""Whether somebody asked the run to stop, or a kernel merely raised KeyboardInterrupt."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["asked_to_stop", "listening"]

_CAME: list[bool] = []
"""Whether a signal came; empty where nobody listens."""


@contextmanager
def listening() -> Iterator[None]:
    """Inside of the block SIGINT is noted before it interrupts as it does by itself.

    Only the main thread can listen, and only where nobody has another way of being interrupted.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or _CAME or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _CAME.append(False)
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _CAME.clear()


def asked_to_stop() -> bool:
    """Whether a KeyboardInterrupt comes from outside; where nobody listens it is taken to."""
    return not _CAME or _CAME[0]


def _note(number: int, frame: Any) -> None:
    _CAME[0] = True
    signal.default_int_handler(number, frame)
