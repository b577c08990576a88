"""Ends workers that cannot end themselves: a call that goes on for ever, a process that was stopped, a child that holds on.

The time limit of an item is kept by faulthandler inside of the worker (recorder.py), which needs no more than a thread of it.
What a kernel can do to that thread it cannot do to this one, which lives in the controller. A worker is the leader of a process
group, so what it started ends with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from ..engine.call_clock import under_way
from ..hosts.line import LAST_WORDS
from .recorder import FlightRecorder

__all__ = ["Watchdog", "lead_a_group"]

EVERY = 0.25
"""Seconds between two looks."""

LATE = 5.0
"""Seconds after its time limit by which a worker has ended itself, if it can."""


def lead_a_group(recorder: FlightRecorder) -> None:
    """In a worker, as it begins: be the leader of a process group, and leave word of it."""
    if recorder.worker is not None and hasattr(os, "setpgid"):
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
            (recorder.folder / f"{recorder.worker}.pid").write_text(str(os.getpid()), encoding="utf-8")


class Watchdog(threading.Thread):
    """A thread of the controller that looks at the files of the flight recorder until it is told to stop."""

    def __init__(self, recorder: FlightRecorder) -> None:
        super().__init__(name="attnspec-watchdog", daemon=True)
        self.recorder, self._stop_asked = recorder, threading.Event()
        self._seen: dict[str, float] = {}

    def stop(self) -> None:
        self._stop_asked.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        while not self._stop_asked.wait(EVERY):
            with contextlib.suppress(OSError):  # The folder goes when the run ends.
                self._look()

    def interrupt(self) -> None:
        """Pass on that the user wants to stop: a group of its own is not told by the terminal."""
        for file in self.recorder.folder.glob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.killpg(int(file.read_text(encoding="utf-8")), signal.SIGINT)

    def _look(self) -> None:
        present = {}
        for running in self.recorder.folder.glob("*.running"):
            header = self.recorder.header(running)
            pid = header.get("pid")
            if pid is None or header.get("worker") is None:
                continue
            name = f"{running.name} {pid}"
            began = present[name] = self._seen.get(name, time.monotonic())
            spent = time.monotonic() - began
            call = under_way(self.recorder.clock_of(header["worker"]))
            if call is not None and call[0] > call[1]:
                self._end(running, pid, call[0])
            elif spent > header["timeout"] + LATE:
                self._end(running, pid, spent)
            elif _is_dead(pid):
                _kill_group(pid)  # A child may hold the pipe of a dead worker, and its death goes unnoticed.
        self._seen = present

    def _end(self, running: Path, pid: int, seconds: float) -> None:
        if _is_dead(pid):
            return _kill_group(pid)
        self.recorder.note_hang(running, seconds)
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGABRT)  # faulthandler writes the stack.
            os.kill(pid, signal.SIGCONT)
            time.sleep(LAST_WORDS)
        return _kill_group(pid)


def _is_dead(pid: int) -> bool:
    """Whether a child of this process has ended, and waits to be asked how."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except (ChildProcessError, AttributeError):
        return False


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
