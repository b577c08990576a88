"""Loaded in the workers of `attnspec run` only: what libraries print to file descriptor 2 goes to a file.

Compilers warn and aborting C++ explains itself on stderr. On a shared terminal that is noise; beside the case that was
running it is evidence, and FlightRecorder.wreck reads it there.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is None or "attnspec_flight" not in worker:
        return
    log = os.open(Path(worker["attnspec_flight"]) / f"{worker['workerid']}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    os.close(log)
