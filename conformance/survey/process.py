"""Surveys in a process of their own, because a kernel may end the process that asks it.

Each call is on disk before it is made. Where the process dies or stops answering, it is started again and the call that
ended it is left to the laws, which say what happened.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from ...adapters.takes import Takes
from ...adapters.written_takes import read_takes

__all__ = ["survey_all"]

SILENCE, LOADING = 10.0, 60.0
"""Seconds after which a survey counts as hung: without a call begun or ended, and before the first, while frameworks load."""

DEATHS = 3
"""Processes that one implementation may end; what is not known then is left to the laws. One that hangs is given up at once."""

ABREAST = 2
"""Groups that are asked at the same time."""


def survey_all(groups: Sequence[Sequence[tuple[dict[str, Any], str]]]) -> dict[str, Takes]:
    """What implementations take, by name, as far as it could be found out.

    groups: implementations that are asked one after the other in one process: how to find each (as `find` takes it), and its
    name.
    """
    stop = Event()
    with ThreadPoolExecutor(ABREAST) as pool:
        try:
            found = pool.map(lambda group: _survey_group(group, stop), groups)
            return {name: takes for each in found for name, takes in each}
        except KeyboardInterrupt:
            stop.set()
            raise


def _survey_group(group: Sequence[tuple[dict[str, Any], str]], stop: Event) -> list[tuple[str, Takes]]:
    found: dict[str, Takes] = {}
    avoid: list[str] = []
    deaths = Counter[str]()
    with tempfile.TemporaryDirectory(prefix="attnspec-survey-") as place:
        for attempt in range(DEATHS * len(group)):
            left = [[how, name] for how, name in group if name not in found and deaths[name] < DEATHS]
            if not left or stop.is_set():
                break
            log = Path(place) / f"{attempt}.jsonl"
            hung = _run({"left": left, "avoid": avoid, "log": str(log)}, log, stop)
            asked, call = "", ""
            for kind, value in _lines(log):
                if kind == "found":
                    found[value["name"]] = read_takes(value["takes"])
                    asked = call = ""
                else:
                    asked, call = value["name"], value["call"]
            if asked:
                deaths[asked] += DEATHS if hung else 1
                avoid.append(f"{asked} {call}")
            elif len(found) < len(group):
                break  # It ended without a call under way: something cannot even be loaded there, and the run will say so.
    return list(found.items())


def _run(task: dict[str, Any], log: Path, stop: Event) -> bool:
    """One process; ended where it is silent for too long, which is what is returned, or where the run is to stop."""
    command = [sys.executable, "-m", "attnspec.conformance.survey", json.dumps(task)]
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    child = subprocess.Popen(command, start_new_session=True, **quiet)
    began = time.time()
    try:
        while child.poll() is None and not stop.is_set():
            told = log.exists() and log.stat().st_size > 0
            since = time.time() - (log.stat().st_mtime if told else began)
            if since > (SILENCE if told else LOADING):
                return True
            time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return False


def _lines(log: Path) -> Iterator[tuple[str, Any]]:
    if not log.exists():
        return
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.endswith("]"):
            kind, value = json.loads(line)
            yield kind, value
