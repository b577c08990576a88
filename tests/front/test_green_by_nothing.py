"""Green means that something was checked: each way in which nothing would be is red, and says so in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

GOOD = """
import numpy as np

def good(q, k, v):
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v
"""
TINY = ("--examples=2", "-j0", "--out=out")
HOLDS, NOT_CLAIMED = "--laws=weights/sum-to-one", "--laws=causal/future-is-invisible"
ENTRY = "- {law: %s, implementation: %s, reason: slow, expires: 2999-01-01}\n"


@pytest.fixture
def told(attnspec: Any, tmp_path: Path) -> Any:
    """Runs the command line beside good.py, and returns its exit code and all that it said."""
    (tmp_path / "good.py").write_text(GOOD, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str]:
        done = attnspec(*arguments, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_control_is_green(told: Any) -> None:
    assert told("run", "good.py", HOLDS, *TINY)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((HOLDS, "--laws=nothing/*"), 2, "no law matches 'nothing/*'"),
        (("--profile=decoder", "--laws=accuracy/*"), 2, "in the profile decoder"),
        (("--dtype=float16", HOLDS), 2, "nothing to run: none of the 1 chosen laws"),
        ((NOT_CLAIMED,), 2, "nothing was decided: 1 not-claimed"),
    ],
)
def test_a_run_of_nothing(told: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    found, text = told("run", "good.py", *arguments, *TINY)
    assert found == code and said in text, text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("good.py", HOLDS, "--laws=linear/*"), "no law that matches 'linear/*' is about what these implementations compute"),
        (
            ("good.py", "numpy/linear-chunked", HOLDS),
            "none of the chosen laws is about numpy/linear-chunked (linear_attention in",
        ),
        (("good.py", "numpy/flash", "--dtype=bfloat16", HOLDS), "is about good.py in bfloat16 (attention in float32)"),
    ],
)
def test_a_part_of_a_run_of_which_nothing_is_tried(told: Any, arguments: tuple[str, ...], said: str) -> None:
    code, text = told("run", *arguments, *TINY)
    assert code == 2 and said in text and text.count("\n") == 1, text


def test_a_family_may_hold_what_no_law_is_about(told: Any) -> None:
    code, text = told("run", "numpy", "--dtype=float16", HOLDS, *TINY)
    assert code == 0 and "numpy/linear-chunked" in text, text


def test_a_file_without_an_implementation(told: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    code, text = told("run", "empty.py", HOLDS, *TINY)
    assert code == 2 and "empty.py" in text and "Traceback" not in text


@pytest.mark.parametrize(
    ("laws", "entry", "said"),
    [
        ((HOLDS,), ("weights/sum-to-two", "good"), "known.yaml:1: the entry for weights/sum-to-two on good matches nothing"),
        ((HOLDS,), ("weights/sum-to-one", "god"), "known.yaml:1: the entry for weights/sum-to-one on god matches nothing"),
        (
            (HOLDS,),
            ("weights/sum-to-one", "good"),
            "known.yaml:1: weights/sum-to-one now passes on good in float32; delete line 1",
        ),
        ((HOLDS, NOT_CLAIMED), ("causal/future-*", "good"), "excuses nothing: every result that it matches is not-claimed"),
    ],
)
def test_a_baseline_entry_that_excuses_nothing(
    told: Any, tmp_path: Path, laws: tuple[str, ...], entry: tuple[str, str], said: str
) -> None:
    (tmp_path / "known.yaml").write_text(ENTRY % entry, encoding="utf-8")
    code, text = told("run", "good.py", *laws, "--baseline=known.yaml", *TINY)
    assert code == 1 and said in " ".join(text.split()) and "the baseline is out of date" in text, text


def test_an_expired_entry(told: Any, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text((ENTRY % ("weights/sum-to-one", "good")).replace("2999", "2020"), encoding="utf-8")
    code, text = told("run", "good.py", HOLDS, "--baseline=known.yaml", *TINY)
    assert code == 1 and "expired on 2020-01-01" in text and "delete line 1" in text


def test_a_shard_with_nothing(told: Any) -> None:
    """There may be more shards than results. Such a shard says that it is empty, and alone it is no run."""
    code, text = told("run", "good.py", HOLDS, "--shard=2/2", *TINY)
    assert code == 0 and "shard 2/2 is empty" in text and "certifies nothing by itself" in text, text
    code, text = told("report", "merge", "out", "--out=whole")
    assert code == 2 and "nothing was decided" in text, text


def test_a_shard_that_does_not_exist(told: Any) -> None:
    for shard in ("3/2", "0/2", "1/0", "one"):
        code, text = told("run", "good.py", HOLDS, f"--shard={shard}", *TINY)
        assert code == 2 and text.startswith("attnspec: ") and text.count("\n") == 1, text


@pytest.mark.parametrize(
    "command",
    [
        ("report", "empty", "--format=markdown", "--out=x.md"),
        ("report", "merge", "empty", "--out=x"),
        ("diff", "empty", "empty"),
        ("trend", "empty", "--out=x.svg"),
        ("baseline", "update", "empty", "--file=x.yaml"),
    ],
)
def test_a_folder_without_a_report(told: Any, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    code, text = told(*command)
    assert code == 2 and text.startswith("attnspec: ") and "empty" in text and text.count("\n") == 1, text
    assert not list(tmp_path.glob("x*"))
