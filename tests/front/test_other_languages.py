"""Programs in other languages pass what they claim, and with one planted mistake fail for the right cause."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..frameworks import SKIPPED

pytestmark = pytest.mark.long

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "other-languages"
PROGRAMS = {
    "cc": ("cc -O2 -o program attention.c -lm", "./program", "-DOFF_BY_ONE", "", "causal-off-by-one"),
    "c++": ("c++ -O2 -std=c++17 -o program attention.cpp", "./program", "-DINTERLEAVED", "", "grouped-heads-tiled"),
    "node": ("", "node attention.js", "", " --forget-the-root", "scale-by-features"),
}


@pytest.mark.parametrize("tool", PROGRAMS)
def test_it_passes_and_its_mistake_is_named(tool: str, attnspec: Any, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} {SKIPPED}")
    build, program, define, flag, cause = PROGRAMS[tool]
    for file in EXAMPLES.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    for mistake in (False, True):
        if build:
            subprocess.run([*build.split(), *([define] if mistake else [])], cwd=tmp_path, check=True)
        done = attnspec("run", f"process:{program}{flag if mistake else ''}", "-q", cwd=tmp_path, timeout=200)
        assert done.returncode == mistake, done.stdout + done.stderr
        assert (cause in done.stdout) == mistake, done.stdout
