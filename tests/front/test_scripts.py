"""The script of a finding shows it where the kit is not installed, says when it is fixed, and stays small; stored failures
come first in the next run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from attnspec.conformance.replaying.script import LARGEST
from attnspec.reports.write import read_report

pytestmark = pytest.mark.long

KERNEL = """
import numpy as np
import attnspec

@attnspec.implementation(name="mine", dtypes=["float32", "bfloat16"], conventions={"empty_rows": "zeros"}, layout="bshd")
def attend(q, k, v, *, causal=False):
    q, k, v = (x.astype(np.float32).swapaxes(1, 2) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * np.float32(q.shape[-1] ** -0.5)
    if causal:
        scores = np.where(np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + SLIP, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
    return (weights / weights.sum(-1, keepdims=True) @ v).swapaxes(1, 2).astype(DTYPE)
"""

WITHOUT_THE_KIT = """
import runpy, sys
class Hidden:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "attnspec" and "attnspec" not in sys.modules:
            raise ModuleNotFoundError(name)
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "attnspec" else real(name, *rest)
sys.meta_path.insert(0, Hidden())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def kernel(slip: int) -> str:
    return (
        KERNEL.replace("SLIP", str(slip))
        .replace("DTYPE", "q0.dtype")
        .replace("    q, k, v = (x", "    q0 = q\n    q, k, v = (x", 1)
    )


@pytest.fixture(scope="module")
def run(attnspec: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with a wrong kernel, and the report of a run on it."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "mine.py").write_text(kernel(1), encoding="utf-8")
    attnspec("run", "mine.py", "--laws=causal/as-defined", "--examples=4", "-j0", "--out=report", cwd=folder, timeout=120)
    return folder, read_report(folder / "report")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_script_fails_and_is_fixed_without_the_kit(
    run: tuple[Path, dict[str, Any]], python: Any, tmp_path: Path, dtype: str
) -> None:
    folder, report = run
    (row,) = [r for r in report["results"] if r["law"] == "causal/as-defined" and r["dtype"] == dtype]
    script = folder / "report" / row["script"]
    assert script.stat().st_size < LARGEST
    (tmp_path / "hide.py").write_text(WITHOUT_THE_KIT, encoding="utf-8")
    shutil.copy(script, tmp_path / "shows.py")
    for slip, code, word in ((1, 1, "STILL FAILS"), (0, 0, "FIXED")):
        (tmp_path / "mine.py").write_text(kernel(slip), encoding="utf-8")
        done = python("hide.py", "shows.py", "mine.py:attend", cwd=tmp_path)
        assert done.returncode == code and word in done.stdout, done.stdout + done.stderr


def test_replay_runs_a_script(run: tuple[Path, dict[str, Any]], attnspec: Any) -> None:
    folder, report = run
    row = next(r for r in report["results"] if r.get("script"))
    done = attnspec("replay", f"report/{row['script']}", cwd=folder)
    assert done.returncode == 1 and "STILL FAILS" in done.stdout


def test_a_case_without_an_implementation_is_a_mistake(attnspec: Any, tmp_path: Path) -> None:
    done = attnspec("replay", "causal/as-defined?dtype=float32", cwd=tmp_path)
    assert done.returncode == 2 and "attnspec replay CASE IMPL" in done.stderr


def test_the_simplest_values_are_told(run: tuple[Path, dict[str, Any]]) -> None:
    row = next(r for r in run[1]["results"] if r["law"] == "causal/as-defined" and r["dtype"] == "float32")
    assert "k is 0 throughout" in row["simplest"]


def test_a_stored_failure_is_tried_first_and_forgotten_when_it_holds(attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(kernel(1), encoding="utf-8")
    how = ("run", "mine.py", "--laws=causal/as-defined", "--dtype=float32", "-j0", "--out=report")
    attnspec(*how, "--examples=12", cwd=tmp_path, timeout=120)
    stored = tmp_path / ".attnspec" / "failures.json"
    ((_, kept),) = json.loads(stored.read_text()).items()
    # One problem a law, drawn anew, shows little; the stored one shows the mistake at once.
    attnspec(*how, "--examples=1", cwd=tmp_path, timeout=120)
    (row,) = read_report(tmp_path / "report")["results"]
    assert (row["verdict"], row["case"], row["examples"]) == ("fail", kept["cases"][0], 1)
    (tmp_path / "mine.py").write_text(kernel(0), encoding="utf-8")
    attnspec(*how, "--examples=3", cwd=tmp_path, timeout=120)
    (row,) = read_report(tmp_path / "report")["results"]
    assert row["verdict"] == "pass" and json.loads(stored.read_text()) == {}


def test_the_worst_number_is_told_again_by_the_next_run(attnspec: Any, tmp_path: Path) -> None:
    off = kernel(0).replace(" - scores.max(-1, keepdims=True, initial=-np.inf)", "")
    (tmp_path / "mine.py").write_text(off, encoding="utf-8")
    found = []
    for _ in range(2):
        how = ("run", "mine.py", "--laws=numerics/large-logits", "--dtype=float32", "--examples=3", "-j0", "--out=report")
        attnspec(*how, cwd=tmp_path, timeout=120)
        (row,) = read_report(tmp_path / "report")["results"]
        found.append((row["case"], row["worst_found"]))
    assert found[0] == found[1] and found[0][1]["case"] != found[0][0]
