"""Doors are tried as users try them: in a process of their own, from a folder of their own.

Processes of the command line are forked from one that has loaded the kit, where that can be (../warm.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import Warm
from .kernel_text import SOFTMAX

ROOT = Path(__file__).resolve().parents[2]

KERNELS = (
    SOFTMAX
    + """
import ctypes, os, time

@declare("good")
def good(q, k, v):
    return softmax(q, k, v).astype(q.dtype)

@declare("unscaled")
def unscaled(q, k, v):
    return softmax(q * np.float32(np.sqrt(q.shape[-1])), k, v).astype(q.dtype)

@declare("raises")
def raises(q, k, v):
    raise RuntimeError("no kernel [for] this shape")

@declare("misshapen")
def misshapen(q, k, v):
    return softmax(q, k, v).astype(q.dtype)[..., :1, :]

@declare("nan")
def nan(q, k, v):
    return np.full((*q.shape[:3], v.shape[3]), np.nan, q.dtype)

@declare("segfaults")
def segfaults(q, k, v):
    ctypes.string_at(0)

@declare("hangs")
def hangs(q, k, v):
    time.sleep(1000)

@declare("exits")
def exits(q, k, v):
    raise SystemExit(3)
"""
)

ONE_LAW = """
chapter: extra
about: A law of a user.
laws:
  - id: extra/ones
    statement: Ones give ones.
    operation: attention
    equation: out({word}(p, 1)) ≈ 1
    given: {{sinks: absent, v_descale: absent}}
    where: sees_a_key(p)
    level: must
    why: A test.
    kills: [weights-unnormalised]
    source: [https://example.org]
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of implementations, good and bad."""
    file = tmp_path_factory.mktemp("kernels") / "kernels.py"
    file.write_text(KERNELS, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def one_law() -> str:
    """A file of one law; `word` is to be filled in, `with_values` makes it right."""
    return ONE_LAW


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, warm: Warm | None) -> Run:
    """Runs `python` with arguments; the result has returncode, stdout and stderr. No certificate of this user is shown.

    loaded: whether the process may be one that has loaded the kit; by itself the command line is. A run has no workers, unless
    it asks for them.
    """
    own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ATTNSPEC_JOBS": "0"}
    own["ATTNSPEC_CACHE"] = str(tmp_path_factory.mktemp("cache"))

    def run(
        *arguments: str, cwd: Path, timeout: float = 60, loaded: bool | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "ATTNSPEC"))}
        loaded = arguments[:2] == ("-m", "attnspec") if loaded is None else loaded
        if warm is not None and loaded:
            return warm.run(list(arguments[1:]), cwd, timeout, {**kept, **own, **environment})
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            timeout=timeout,
            text=True,
            capture_output=True,
            env={**kept, **own, **environment},
        )

    return run


@pytest.fixture(scope="session")
def attnspec(python: Run) -> Run:
    """Runs the command line."""
    return lambda *arguments, **how: python("-m", "attnspec", *arguments, **how)


@pytest.fixture(scope="session")
def run_pytest(python: Run) -> Run:
    """Runs pytest with the plugin, as where attnspec is installed. A user's pytest has loaded nothing of the kit."""
    plugins = ("-p", "xdist", "-p", "timeout", "-p", "attnspec.conformance.plugin", "-p", "no:cacheprovider")
    return lambda *arguments, **how: python("-m", "pytest", *plugins, *arguments, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **how)


@pytest.fixture(scope="session")
def run_laws_in_pytest(run_pytest: Run) -> Run:
    """The same where what is loaded is not the point: in a process that has loaded the kit, but neither plugin nor xdist."""
    return lambda *arguments, **how: run_pytest(*arguments, loaded=True, **how)
