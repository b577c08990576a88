"""A flight recorder: what was running when a worker died.

A crash inside a kernel takes its process along, so the case is on disk before it runs. Files in the folder of a run:

    <slug>.running   header, then one line a case, while an item runs
    <slug>.stack     the Python stack at a fatal signal or at the time limit, written by faulthandler from C
    <slug>.lost      the item's result, written by the controller after the worker died
    <slug>.hung      for how many seconds a call went on, written by the controller before it ends the worker (watchdog.py)
    <worker>.clock   how long the call under way has taken; <worker>.pid: the process
    <worker>.log     what the worker's libraries printed to file descriptor 2 (runs of `attnspec run`)

The watchdog is faulthandler's: it needs no GIL, so it also ends a kernel that hangs while holding it.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..engine.call_clock import CallClock
from ..engine.patience import Patience
from ..engine.result import Result

__all__ = ["LOSSES", "FlightRecorder", "slug"]

LOSSES, HANGS = 3, 2
"""Crashes and hangs after which the rest of an implementation is not tried, and hangs alone: a crash costs a worker, a hang the
time limit of a call besides.
"""


HUNG = ".hung"


def slug(*parts: str) -> str:
    """A file name for some names, readable and unique."""
    text = "~".join(parts)
    return re.sub(r"[^A-Za-z0-9~.-]", "_", text)[:120] + "~" + hashlib.sha256(text.encode()).hexdigest()[:8]


class FlightRecorder:
    """The recorder of one process. `worker` is None where a crash cannot be survived (no xdist).

    owns_faults: whether fatal signals may be written to the .stack file (pytest's own faulthandler plugin is off).
    """

    def __init__(self, folder: Path, worker: str | None = None, *, owns_faults: bool = False) -> None:
        self.folder, self.worker, self.owns_faults = folder, worker, owns_faults
        self._clock: CallClock | None = None

    @contextmanager
    def flight(
        self, key: tuple[str, str, str], header: dict[str, Any], timeout: float, call: float
    ) -> Iterator[Callable[[str], None]]:
        """Record the cases of one item: yields what to call before each.

        A worker exits at the timeout, and is ended where a single call takes longer than `call`, both in seconds.
        """
        running, stack = self._file(key, "running"), self._file(key, "stack")
        started = time.monotonic()
        try:
            with running.open("w", encoding="utf-8") as log, stack.open("w", encoding="utf-8") as faults:
                about = {**header, "worker": self.worker, "pid": os.getpid(), "timeout": timeout}
                print(json.dumps(about), file=log, flush=True)

                def record(case: str) -> None:
                    print(json.dumps([time.monotonic() - started, case]), file=log, flush=True)

                with self._watched(timeout, faults), self._timed(header["implementation"], call):
                    yield record
        finally:
            running.unlink()
            stack.unlink()

    @contextmanager
    def _timed(self, implementation: str, limit: float) -> Iterator[None]:
        if self.worker is None:
            yield
            return
        if self._clock is None:
            self._clock = CallClock(self.clock_of(self.worker))
        with self._clock.running(implementation, limit):
            yield

    def clock_of(self, worker: str) -> Path:
        """The file in which a worker says how long the call under way has taken."""
        return self.folder / f"{worker}.clock"

    @staticmethod
    def header(running: Path) -> dict[str, Any]:
        """What an item that runs is; empty where it has ended, or has only begun."""
        try:
            with running.open(encoding="utf-8") as log:
                line = log.readline()
            found: dict[str, Any] = json.loads(line)
        except (OSError, ValueError):
            return {}
        return found

    @staticmethod
    def note_hang(running: Path, seconds: float) -> None:
        """Note that the item was ended because a call, or it itself, took so long."""
        running.with_suffix(HUNG).write_text(f"{seconds:.1f}", encoding="utf-8")

    @contextmanager
    def _watched(self, timeout: float, faults: TextIO) -> Iterator[None]:
        if self.worker is None:
            yield
            return
        faulthandler.dump_traceback_later(timeout, exit=True, file=faults)
        if self.owns_faults:
            faulthandler.enable(file=faults)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            if self.owns_faults:
                faulthandler.disable()

    def lost(self, key: tuple[str, str, str]) -> bool:
        """Whether the item took a worker down earlier in this run."""
        return self._file(key, "lost").exists()

    def given_up(self, implementation: str) -> str:
        """Why the rest of an implementation is not tried; empty where it is."""
        lost = list((self.folder / "lost").glob(slug(implementation) + "~*"))
        hangs = sum(file.suffix == HUNG for file in lost)
        return f"crashed or hung {len(lost)} times in this run" if len(lost) >= LOSSES or hangs >= HANGS else ""

    def wreck(self, worker: str) -> dict[str, Any] | None:
        """What a dead worker was running: header, cases as [seconds, case], stack and log. None where it ran no item."""
        for running in self.folder.glob("*.running"):
            lines = running.read_text(encoding="utf-8").splitlines()
            header = json.loads(lines[0]) if lines else {}
            if header.get("worker") == worker:
                stack, hung = running.with_suffix(".stack"), running.with_suffix(HUNG)
                log = self.folder / f"{worker}.log"
                return {
                    "header": header,
                    "cases": [json.loads(line) for line in lines[1:] if line.endswith("]")],
                    "hung": float(hung.read_text(encoding="utf-8")) if hung.exists() else None,
                    "stack": stack.read_text(encoding="utf-8", errors="replace") if stack.exists() else "",
                    "log": log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else "",
                }
        return None

    def mark_lost(self, key: tuple[str, str, str], hung: bool) -> None:
        """Note that an item took its worker down, or hung, so that it is not tried again."""
        self._file(key, "running").unlink(missing_ok=True)
        self._file(key, "lost").touch()
        (self.folder / "lost").mkdir(exist_ok=True)
        (self.folder / "lost" / f"{slug(key[1])}~{slug(*key)}{HUNG if hung else ''}").touch()

    def leave(self, implementation: str) -> None:
        """Note that an implementation has its first finding (--first)."""
        (self.folder / f"{slug(implementation)}.left").touch()

    def left(self, implementation: str) -> bool:
        """Whether an implementation was left at its first finding."""
        return (self.folder / f"{slug(implementation)}.left").exists()

    def patience(self, implementation: str) -> Patience:
        """What is known of the exceptions of an implementation, in all processes of this run."""
        file = self.folder / f"{slug(implementation)}.raised"
        try:
            return Patience(*json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # nothing yet, or another process is writing
            return Patience()

    def note_result(self, result: Result) -> None:
        """Take a result into account of how often its implementation raised the same."""
        patience = self.patience(result.implementation)
        patience.note(result)
        told = json.dumps([patience.kind, patience.count, patience.message])
        (self.folder / f"{slug(result.implementation)}.raised").write_text(told, encoding="utf-8")

    def note_conventions(self, implementation: str, find: Callable[[], dict[str, Any]]) -> None:
        """Write the settled conventions of an implementation, once a run."""
        file = self.folder / f"{slug(implementation)}.conventions"
        if not file.exists():
            file.write_text(json.dumps({"implementation": implementation, "conventions": find()}), encoding="utf-8")

    def conventions(self) -> dict[str, dict[str, Any]]:
        """The settled conventions by implementation: convention → {choice, how}."""
        found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(self.folder.glob("*.conventions"))]
        return {
            entry["implementation"]: {
                name: {"choice": choice, "how": how} for name, (choice, how) in entry["conventions"].items()
            }
            for entry in found
        }

    def _file(self, key: tuple[str, str, str], suffix: str) -> Path:
        return self.folder / f"{slug(*key)}.{suffix}"
