"""Whether somebody asked the run to stop, or a kernel merely raised KeyboardInterrupt."""

from __future__ import annotations

import signal
import threading
from typing import Any

__all__ = ["asked_to_stop", "listen"]

_LISTENING: list[bool] = []
"""Whether a signal came; empty where nobody listens."""


def listen() -> None:
    """From now on SIGINT is noted before it interrupts, as Python does by itself. Only the main thread can."""
    if threading.current_thread() is threading.main_thread() and not _LISTENING:
        _LISTENING.append(False)
        signal.signal(signal.SIGINT, _note)


def asked_to_stop() -> bool:
    """Whether a KeyboardInterrupt comes from outside; where nobody listens it is taken to."""
    return not _LISTENING or _LISTENING[0]


def _note(number: int, frame: Any) -> None:
    _LISTENING[0] = True
    signal.default_int_handler(number, frame)
