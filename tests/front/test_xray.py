"""`attnspec xray` and the diagnosis of a run, typed as a user types them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

Run = Callable[..., subprocess.CompletedProcess[str]]

KERNEL = """
from attnspec.reference.faults.catalogue import as_callable

attend = as_callable({name!r})
"""


def test_a_right_mask_is_0_and_a_wrong_one_is_1(attnspec: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(KERNEL.format(name="causal-off-by-one"), encoding="utf-8")
    right = attnspec("xray", "numpy/flash", "--causal", "--sq", "3", "--sk", "3", cwd=tmp_path)
    assert right.returncode == 0 and "■■·   ■■·" in right.stdout and "the mask is the one that is due" in right.stdout
    wrong = attnspec("xray", "mine.py:attend", "--causal", "--sq", "3", "--sk", "3", cwd=tmp_path)
    assert wrong.returncode == 1 and "■■·   ■■+" in wrong.stdout and "2 keys seen though hidden" in wrong.stdout


def test_wrong_weights_under_a_right_mask_are_1(attnspec: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(KERNEL.format(name="scale-missing"), encoding="utf-8")
    ran = attnspec("xray", "mine.py:attend", "--sq", "3", "--sk", "3", "--mask", "random:b11k", cwd=tmp_path)
    assert ran.returncode == 1 and "the mask is the one that is due\n" in ran.stdout
    assert "weights lie outside their bounds; the largest difference is 0." in ran.stdout
    assert "random:b11k" in attnspec("xray", "--help", cwd=tmp_path).stdout


def test_mistakes_are_one_sentence(attnspec: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def attend(q, k, v):\n    return v\n", encoding="utf-8")
    for words, said in (
        (("mine.py", "--sinks"), "sinks is not an option of attend"),
        (("numpy/flash", "--out", "x.gif"), "ends neither in .svg nor in .png"),
        (("numpy/flash", "--sk", "500"), "--out FILE.svg"),
        (("numpy/flash", "--window", "banana"), "a window is left,right"),
        (("numpy/flash", "--dtype", "float99"), "float99 is not a dtype of numpy/flash"),
        (("numpy/flash", "--heads", "3", "--kv-heads", "2"), "hq=3 is not a multiple of hkv=2"),
    ):
        ran = attnspec("xray", *words, cwd=tmp_path)
        assert ran.returncode == 2 and said in ran.stderr and ran.stderr.count("\n") == 1, ran.stderr


def test_pictures_are_written(attnspec: Run, tmp_path: Path) -> None:
    for name, start in (("x.svg", b"<svg"), ("x.png", b"\x89PNG")):
        assert attnspec("xray", "numpy/flash", "--heads", "2", "--out", name, cwd=tmp_path).returncode == 0
        assert (tmp_path / name).read_bytes().startswith(start)


def test_a_run_names_three_mistakes(attnspec: Run, tmp_path: Path) -> None:
    for name, laws in (
        ("window-left-long", "masks/window-is-a-mask"),
        ("grouped-heads-tiled", "heads/concatenate-lse"),
        ("row-sum-not-rescaled", "flash/causal-tiles"),
    ):
        (tmp_path / "mine.py").write_text(KERNEL.format(name=name), encoding="utf-8")
        ran = attnspec("run", "mine.py:attend", "--laws", laws, "-j", "0", "--strict", cwd=tmp_path, timeout=300)
        # The implementation is called as its mistake is; a card has a sentence, and what fails below it.
        assert re.search(rf"^{name}: [A-Z][^:]+\n  fails ", ran.stdout, re.MULTILINE), ran.stdout + ran.stderr
