"""What is said of a process that an implementation has ended: by what, where it was, and what was printed last."""

from __future__ import annotations

import signal

__all__ = ["cause", "frames", "printed"]

FRAMES, PRINTED = 12, 8
"""Lines of evidence that help; the rest is the stack of whoever called."""


def cause(what: str, code: int | None) -> str:
    """How a process died. what: the process, in a word. code: its exit code, negative where a signal ended it."""
    if code is None:
        return f"{what} died"
    if code >= 0:
        return f"{what} died with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{what} died of {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def frames(stack: str) -> list[str]:
    """The frames of the thread that crashed, or hung, from the innermost to where the kit called the implementation.

    stack: as faulthandler writes it.
    """
    threads = [part.splitlines() for part in stack.split("\n\n")]
    own = next((lines for lines in threads if any(line.startswith("Current thread") for line in lines)), threads[-1])
    found = [line.strip() for line in own if line.startswith("  File")]
    inside = [number for number, line in enumerate(found) if "/conformance/" in line]
    return [f"stack: {line}" for line in found[: inside[0] if inside else None][:FRAMES]]


def printed(log: str) -> list[str]:
    """The last lines of what a process printed."""
    return [f"printed: {line}" for line in log.splitlines() if line.strip()][-PRINTED:]
