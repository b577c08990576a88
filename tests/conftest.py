"""What runs of this machine's user left behind may not change what a test sees. Commands are forked from one that has loaded
the kit, where that can be.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .ask_warm import asked
from .frameworks import Frameworks

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Frameworks(), "frameworks")


def pytest_collection_finish() -> None:
    """Modules and tests stay until the end, so the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_kept_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder instead of the user's, in this process; the doors' own processes get another."""
    before, folder = os.environ.get("ATTNSPEC_CACHE"), tmp_path_factory.mktemp("certificates")
    os.environ["ATTNSPEC_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ATTNSPEC_CACHE"]
    else:
        os.environ["ATTNSPEC_CACHE"] = before


class Warm:
    """A process that forks for each command (warm.py), and the folder of its socket."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.door = folder, folder / "door"
        command = [sys.executable, str(Path(__file__).parent / "warm.py"), str(self.door)]
        self.process = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL)
        give_up = time.monotonic() + 60
        while not self.door.exists():
            assert self.process.poll() is None and time.monotonic() < give_up, (
                "the process that forks has ended, or loads for ever"
            )
            time.sleep(0.02)

    def run(
        self, arguments: list[str], cwd: Path, timeout: float, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """As subprocess.run, with the output as text. Raises TimeoutExpired, when all that the command began has ended."""
        files = [self.folder / "out", self.folder / "err"]
        with contextlib.ExitStack() as opened:
            streams = [opened.enter_context(file.open("w")).fileno() for file in files]
            nothing = opened.enter_context(open(os.devnull)).fileno()
            line = opened.enter_context(asked(str(self.door), arguments, str(cwd), environment, [nothing, *streams]))
            told = opened.enter_context(line.makefile())
            child = int(told.readline())
            line.settimeout(timeout)
            try:
                code = int(told.readline())
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, timeout) from None
        texts = [file.read_text(encoding="utf-8") for file in files]
        return subprocess.CompletedProcess(arguments, code, *texts)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm | None]:
    if not hasattr(os, "fork"):
        yield None
        return
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:  # The name of a socket is short.
        made = Warm(Path(folder), {**os.environ, "PYTHONPATH": str(ROOT), **one_thread})
        yield made
        made.process.kill()
        made.process.wait()


@pytest.fixture
def scripts(tmp_path_factory: pytest.TempPathFactory, warm: Warm | None) -> Path:
    """A folder with a script `attnspec` that is the kit of this checkout, for a shell to find first."""
    folder = tmp_path_factory.mktemp("scripts")
    script = folder / "attnspec"
    forked = f'-IS "{ROOT / "tests" / "ask_warm.py"}" "{warm.door}"' if warm else "-m"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {forked} attnspec "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return folder
