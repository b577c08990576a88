"""Recorded failures share a process, and what one of them does to it befalls none of the others."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from attnspec._replay_many import replayed
from attnspec.conformance.engine.budget import BUDGETS

pytestmark = pytest.mark.long

CASE = "weights/as-defined?dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=2&d=4&values=normal&seed=0"
PRINTS = """
import os
import numpy as np

def attend(q, k, v):
    print("0, FIXED")
    os.write(1, b"[0, 'FIXED']")
    return np.ones((*q.shape[:3], v.shape[3]), q.dtype)
"""


def test_a_case_that_ends_or_hangs_the_process_is_told_and_the_next_is_tried(
    kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prints.py").write_text(PRINTS, encoding="utf-8")
    monkeypatch.setitem(BUDGETS, "quick", dataclasses.replace(BUDGETS["quick"], timeout=4))
    asked = [f"{kernels}:{name}" for name in ("unscaled", "segfaults", "good", "nothing", "hangs")]
    asked += [f"{tmp_path / 'prints.py'}:attend", f"{kernels}:good"]
    answers = list(replayed([(CASE, address) for address in asked], []))
    assert [code for code, _ in answers] == [1, 1, 0, 2, 1, 1, 0]
    said = [line for _, line in answers]
    assert said[0].startswith("STILL FAILS (fail) on unscaled: at [0, 0, 0, 0]: ")
    assert said[1] == f"STILL FAILS (error) on {asked[1]}: the process died of SIGSEGV"
    assert "nothing" in said[3]
    assert said[4] == f"STILL FAILS (error) on {asked[4]}: no answer after 4 s"
    assert said[5].startswith("STILL FAILS (fail) on attend: at ")
