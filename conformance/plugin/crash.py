"""From the wreck of a worker to a result that says what happened, in which case."""

from __future__ import annotations

import signal
from typing import Any

from ..engine.result import Result

__all__ = ["IDENTITY", "is_hang", "result_of_wreck"]

IDENTITY = ("implementation", "operation", "law", "dtype", "level", "chapter")
FRAMES, PRINTED = 12, 8
"""Lines of evidence that help; the rest is the stack of pytest."""


def is_hang(wreck: dict[str, Any]) -> bool:
    """Whether the worker was ended because it gave no answer, by the watchdog or by its own."""
    return wreck["hung"] is not None or wreck["stack"].startswith("Timeout")


def result_of_wreck(wreck: dict[str, Any], returncode: int | None = None) -> Result:
    """The result of the item that a dead worker was running.

    wreck: as read by FlightRecorder.wreck. returncode: of the worker's process, where known (negative: a signal).
    """
    header, cases = wreck["header"], wreck["cases"]
    last = cases[-1][1] if cases else None
    result = Result(**{name: header[name] for name in IDENTITY}, verdict="error", case=last, examples=max(0, len(cases) - 1))
    during = f"while running {last}" if last else "before its first problem (loading it, or probing its conventions)"
    if wreck["hung"] is not None:
        result.message = f"hung: no answer for {wreck['hung']:.0f} s {during}"
    elif wreck["stack"].startswith("Timeout"):
        result.message = _hung(header["timeout"], cases, during)
    else:
        result.message = f"crashed ({_cause(returncode)}) {during}"
    result.details = [*_frames(wreck["stack"]), *_printed(wreck["log"])]
    return result


def _hung(timeout: float, cases: list[Any], during: str) -> str:
    """One problem that took most of the time is a hang; many that share it are too slow."""
    since = timeout - (cases[-1][0] if cases else 0.0)
    if len(cases) > 1 and since < timeout / 2:
        return (
            f"out of time: {len(cases) - 1} problems took {cases[-1][0]:.0f} s of the {timeout:g} s that the budget gives; "
            f"ended {during}"
        )
    return f"hung: no answer after {since:.0f} s {during}"


def _cause(returncode: int | None) -> str:
    if returncode is None:
        return "worker died"
    if returncode >= 0:
        return f"worker died with exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return f"worker died of {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _frames(stack: str) -> list[str]:
    """The frames of the thread that crashed, or hung, from the innermost to where the kit called the implementation."""
    threads = [part.splitlines() for part in stack.split("\n\n")]
    own = next((lines for lines in threads if any(line.startswith("Current thread") for line in lines)), threads[-1])
    frames = [line.strip() for line in own if line.startswith("  File")]
    inside = [number for number, line in enumerate(frames) if "/conformance/" in line]
    return [f"stack: {line}" for line in frames[: inside[0] if inside else None][:FRAMES]]


def _printed(log: str) -> list[str]:
    return [f"printed: {line}" for line in log.splitlines() if line.strip()][-PRINTED:]
