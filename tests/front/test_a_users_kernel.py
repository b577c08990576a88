"""The main job, from outside: a kernel with a causal mask off by one is caught, shrunk and replayed; fixed, it passes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from attnspec.conformance.problems.structure import Structure

pytestmark = pytest.mark.long

Run = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "my_kernel.py"
RIGHT = "<= np.arange(q.shape[2])[:, None]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(RIGHT) == 1
    (tmp_path / "my_kernel.py").write_text(text.replace(RIGHT, RIGHT + " + 1"), encoding="utf-8")
    (tmp_path / "fixed.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_off_by_one_is_named_shrunk_and_replayed(folder: Path, attnspec: Run) -> None:
    # Other laws break too, and each finding takes a second or two; the next test runs all laws.
    laws = ("--laws=causal/as-defined", "--laws=causal/future-is-invisible")
    ran = attnspec("run", "my_kernel.py", *laws, "--out", "report", cwd=folder, timeout=300)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "\ncausal-off-by-one: Each query sees one key of its future.\n" in ran.stdout
    rows = {row["law"]: row for row in json.loads((folder / "report" / "report.json").read_text())["results"]}
    row = rows["causal/future-is-invisible"]
    structure = Structure.parse(row["case"].partition("?")[2], "attention")
    assert row["verdict"] == "fail" and structure.sk <= 3 and structure.sq <= 2
    replay = re.search(r"attnspec replay '([^']+)' (\S+)", ran.stdout)
    assert replay is not None
    assert attnspec("replay", replay[1], "my_kernel.py:attend", cwd=folder, timeout=300).returncode == 1
    fixed = attnspec("replay", replay[1], "fixed.py:attend", cwd=folder, timeout=300)
    assert fixed.returncode == 0 and "FIXED" in fixed.stdout


def test_the_mended_kernel_passes(folder: Path, attnspec: Run) -> None:
    ran = attnspec("run", "fixed.py", cwd=folder, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "every claimed must-law holds" in ran.stdout


def test_a_law_of_ones_own_is_run_from_its_file(folder: Path, attnspec: Run) -> None:
    laws = str(EXAMPLE.parent / "extra_laws.yaml")
    ran = attnspec("run", "fixed.py", "--laws-file", laws, "--laws", "own/*", cwd=folder, timeout=300)
    assert ran.returncode == 0 and "1 law, 1 implementation: 1 pass" in ran.stdout, ran.stdout + ran.stderr
