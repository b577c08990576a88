"""`attnspec replay`: one case, or everything that runs from this folder recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attnspec.cli import _guarded

pytestmark = pytest.mark.long

BROKEN = """
import numpy as np

def attend(q, k, v, *, scale=None):
    scale = np.float32(1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v * 2
"""


def test_one_case(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    from attnspec.reports.write import read_results

    attnspec("run", f"{kernels}:unscaled", "--laws=weights/as-defined", "--examples=2", "-j0", "--out=out", cwd=tmp_path)
    case = read_results(tmp_path / "out")[0]["case"]
    still = attnspec("replay", case, f"{kernels}:unscaled", cwd=tmp_path)
    assert still.returncode == 1 and still.stdout.startswith("STILL FAILS (fail) on unscaled: "), still.stderr
    fixed = attnspec("replay", case, f"{kernels}:good", cwd=tmp_path)
    assert fixed.returncode == 0 and fixed.stdout.startswith("FIXED: weights/as-defined holds on good"), fixed.stderr
    crash = attnspec("replay", case, f"{kernels}:segfaults", cwd=tmp_path)
    assert crash.returncode == 1 and "the process died of SIGSEGV" in crash.stdout
    wrong = attnspec("replay", "weights/as-defined?nonsense=1", f"{kernels}:good", cwd=tmp_path)
    assert wrong.returncode == 2 and wrong.stderr.startswith("attnspec: ") and "Traceback" not in wrong.stderr


def test_recorded_failures_are_replayed_until_they_are_fixed(attnspec: Any, tmp_path: Path) -> None:
    kernel = tmp_path / "mine.py"
    kernel.write_text(BROKEN, encoding="utf-8")
    laws = ("--laws=weights/as-defined", "--laws=weights/sum-to-one", "--examples=1")
    assert attnspec("run", "mine.py", *laws, cwd=tmp_path).returncode == 1
    still = attnspec("replay", cwd=tmp_path)
    lines = still.stdout.splitlines()
    assert still.returncode == 1 and lines[-1] == "2 of 2 recorded failures still fail", still.stderr
    assert lines[0] == "STILL FAILS  weights/as-defined on mine.py:attend in float32" and max(map(len, lines)) <= 80
    assert lines[1].startswith("  found     at [0, 0, 0, 0]: ")
    assert any(line.startswith("  replay    attnspec replay 'weights/as-defined?dtype=float32&") for line in lines)
    kernel.write_text(BROKEN.replace(" * 2", ""), encoding="utf-8")
    for arguments in ([], ["mine.py"]):
        fixed = attnspec("replay", *arguments, cwd=tmp_path)
        assert fixed.returncode == 0 and "STILL" not in fixed.stdout, fixed.stdout + fixed.stderr
        assert fixed.stdout.startswith("FIXED        weights/as-defined on mine.py:attend in float32\n")
        assert "all 2 recorded failures are fixed" in fixed.stdout
    kernel.unlink()
    gone = attnspec("replay", cwd=tmp_path)
    assert gone.returncode == 2 and gone.stdout.count("NOT TRIED") == 2 and "0 of 2" in gone.stdout, gone.stdout


def test_where_nothing_is_recorded_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _guarded(["replay"]) == 2
    assert "no failure is recorded in this folder (.attnspec/failures.json)" in capsys.readouterr().err
    (tmp_path / ".attnspec").mkdir()
    (tmp_path / ".attnspec" / "failures.json").write_text(json.dumps({"a.py:f weights/a float32": ["weights/a?"]}))
    assert _guarded(["replay", "numpy/naive"]) == 2
    assert "no failure of numpy/naive is recorded" in capsys.readouterr().err


@pytest.mark.parametrize("query", ["", "dtype=float32", "dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=1&d=1&values=normal"])
def test_a_case_that_was_cut_short_is_refused(query: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["replay", f"causal/as-defined?{query}", "numpy/naive"]) == 2
    told = capsys.readouterr().err
    assert "the case lacks " in told and "seed" in told and ("sq" in told) == ("sq=" not in query)


def test_failures_that_cannot_be_recorded_are_said_and_the_report_is_there(attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BROKEN, encoding="utf-8")
    (tmp_path / ".attnspec").write_text("a file where a folder is needed", encoding="utf-8")
    laws = ("--laws=weights/as-defined", "--examples=1")
    done = attnspec("run", "mine.py", *laws, "--out=out", "-q", cwd=tmp_path)
    assert done.returncode == 1 and (tmp_path / "out" / "report.json").exists()
    assert "attnspec: failures are not recorded for the next run: " in done.stderr and "Traceback" not in done.stderr
