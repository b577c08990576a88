"""From the wreck of a worker to a result that says what happened, in which case."""

from __future__ import annotations

from typing import Any

from ..engine.result import Result
from ..hosts.wreckage import cause, frames, printed

__all__ = ["IDENTITY", "is_hang", "result_of_wreck"]

IDENTITY = ("implementation", "operation", "law", "dtype", "level", "chapter")


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
        result.message = f"crashed ({cause('worker', returncode)}) {during}"
    result.details = [*frames(wreck["stack"]), *printed(wreck["log"])]
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
