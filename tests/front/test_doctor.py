"""The doctor calls nothing right that it did not try."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attnspec._doctor import examine

SOFTMAX = """
import attnspec
import numpy as np

def softmax(q, k, v, seen=True):
    scores = np.where(seen, q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(q.shape[-1])), np.float32(-np.inf))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v

def lower(q, k):
    return np.tri(q.shape[2], k.shape[2], dtype=bool)

"""


def told(body: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and output of `attnspec doctor kernel.py:attend`."""
    (tmp_path / "kernel.py").write_text(SOFTMAX + body, encoding="utf-8")
    code, out = examine([f"{tmp_path / 'kernel.py'}:attend"]), capsys.readouterr().out
    assert all(len(line) <= 80 or "/" in line for line in out.splitlines()), out  # a path is not broken
    return code, re.sub(r"\n {7}", " ", out)


@pytest.mark.parametrize(
    "body, said",
    [
        (
            "def attend(q, k, v):\n    raise RuntimeError('no GPU')\n",
            "BAD  accepted none of the calls that were tried: RuntimeError: no GPU",
        ),
        (
            "def attend(q, k, v, *, is_causal=False):\n    return softmax(q, k, v)\n",
            "BAD  parameter 'is_causal' is never passed; declare rename={'is_causal': 'causal'}",
        ),
        (
            (
                "@attnspec.implementation(supports=lambda p: 'only on Tuesdays')\n"
                "def attend(q, k, v):\n    return softmax(q, k, v)\n"
            ),
            "BAD  float32: nothing was tried, for the trial call is refused: only on Tuesdays",
        ),
        (
            (
                "@attnspec.implementation(conventions={'causal_alignment': 'bottom-right'})\n"
                "def attend(q, k, v, *, causal=False):\n    return softmax(q, k, v, lower(q, k) if causal else True)\n"
            ),
            "BAD  causal_alignment is declared bottom-right, and a probe finds top-left",
        ),
    ],
)
def test_what_was_not_tried_or_is_declared_wrongly_is_bad(
    body: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = told(body, tmp_path, capsys)
    assert code == 1 and said in text and text.endswith("1 thing to fix first\n"), text


@pytest.mark.parametrize(
    "body",
    [
        "def attend(q, k, v):\n    assert q.shape[2] == 1 and k.shape[1] == q.shape[1]\n    return softmax(q, k, v)\n",
        "@attnspec.implementation(always={'causal': True})\ndef attend(q, k, v):\n    return softmax(q, k, v, lower(q, k))\n",
        "def attend(q, k, v, *, causal=True):\n    assert causal\n    return softmax(q, k, v, lower(q, k))\n",
        (
            "@attnspec.implementation(rename={'is_causal': 'causal'})\n"
            "def attend(q, k, v, *, is_causal=False):\n    return softmax(q, k, v, lower(q, k) if is_causal else True)\n"
        ),
        "def attend(q, k, v):\n    assert k.shape[2] % 128 == 0 and k.shape[2] == q.shape[2]\n    return softmax(q, k, v)\n",
    ],
)
def test_a_kernel_that_takes_little_is_tried_on_what_it_takes(
    body: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = told(body, tmp_path, capsys)
    assert code == 0 and "ok   float32: with Q = 0" in text and text.endswith("the adapter looks right\n"), text


def test_layout_and_values_are_judged_on_the_shape_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = "def attend(q, k, v):\n    assert k.shape[2] % 16 == 0\n    return 2 * softmax(q, k, v)\n"
    code, text = told(body, tmp_path, capsys)
    assert code == 1 and "BAD  float32: with Q = 0 every row should be the mean of V" in text


def test_an_option_without_which_no_call_is_taken_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refuses = "    if mask is None:\n        raise ValueError('mask')\n"
    body = f"def attend(q, k, v, *, mask=None):\n{refuses}    return softmax(q, k, v, mask)\n"
    code, said = told(body, tmp_path, capsys)
    assert code == 0 and "takes no call without mask: ValueError: mask" in said and "every row is the mean of V" in said


def test_hidden_nan_that_is_declared_contained_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "@attnspec.implementation(conventions={'hidden_nan': 'contained'})\ndef attend(q, k, v, *, causal=False):\n"
    code, said = told(f"{head}    return softmax(q, k, v, lower(q, k) if causal else True)\n", tmp_path, capsys)
    assert code == 1 and "BAD  hidden_nan is declared contained, and a probe finds propagates" in said
    seen = "    seen = lower(q, k) if causal else np.ones((q.shape[2], k.shape[2]), bool)\n"
    clean = "    k, v = np.nan_to_num(k), np.nan_to_num(v)\n    return softmax(q, k, v, seen)\n"
    code, said = told(head + seen + clean, tmp_path, capsys)
    assert "hidden_nan is contained (declared)" in said and "BAD  hidden_nan" not in said


def test_a_kernel_that_is_always_causal_is_told_how_to_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = told("def attend(q, k, v):\n    return softmax(q, k, v, lower(q, k))\n", tmp_path, capsys)
    assert code == 1 and "declare always={'causal': True}" in said


def test_causality_that_is_declared_of_every_call_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "@attnspec.implementation(always={'causal': True})\ndef attend(q, k, v, *, causal=True):\n"
    code, said = told(f"{head}    return softmax(q, k, v)\n", tmp_path, capsys)
    assert code == 1 and "BAD  float32: causal=True is declared of every call, and with Q = 0 the first row" in said
    code, said = told(f"{head}    return softmax(q, k, v, lower(q, k))\n", tmp_path, capsys)
    assert "ok   float32: with Q = 0 the last causal row is the mean of the values that it sees" in said
