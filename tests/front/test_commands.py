"""list, laws, explain, doctor."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnspec.cli import _guarded

pytestmark = pytest.mark.long


def told(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert _guarded(arguments) == code
    return capsys.readouterr().out


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    names = [line.split()[0] for line in told(["list"], capsys).splitlines() if line[:1].islower()]
    assert "numpy/naive" in names and "torch/sdpa-math" in names
    text = told(["list", "numpy/flash"], capsys)
    assert "causal_alignment bottom-right" in text and "not claimed: q_descale, k_descale, v_descale, return_weights" in text


def test_laws(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(["laws", "causal/*"], capsys).splitlines()
    assert lines and all(line.startswith("causal/") for line in lines)
    assert told(["laws", "--chapter", "causal"], capsys).splitlines() == lines


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(["explain", "causal/future-is-invisible"], capsys)
    assert "  out(poison_hidden(p)) == out(p)\n" in text and "spec/attention/laws/causal.yaml:" in text
    for part in ("why: ", "kills: ", "source: https://", "poison_hidden(p)"):
        assert part in text


def test_every_law_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    told(["explain", "*"], capsys)


@pytest.mark.parametrize("wrong", ["0 * out", "out + np.inf"])
def test_no_arithmetic_is_read_from_outputs_that_no_rounding_explains(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.py").write_text(
        "import numpy as np\n\ndef attend(q, k, v):\n    s = q @ k.swapaxes(2, 3) * q.dtype.type(q.shape[3] ** -0.5)\n"
        f"    w = np.exp(s - s.max(3, keepdims=True))\n    out = w / w.sum(3, keepdims=True) @ v\n    return {wrong}\n",
        encoding="utf-8",
    )
    lines = told(["measure", str(tmp_path / "odd.py")], capsys, code=1).splitlines()
    assert "  arithmetic    not read: the outputs are further off than any rounding makes" in lines
    assert not any(line.startswith("  accumulator") for line in lines) and max(map(len, lines)) <= 80


def test_doctor_is_content_with_a_right_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(["doctor", "numpy/flash"], capsys)
    assert text.splitlines()[-1] == "the adapter looks right" and "BAD" not in text
    assert "the natural one" in text and "causal_alignment is bottom-right (declared)" in text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    return v.mean(2, keepdims=True).repeat(q.shape[2], 2).swapaxes(1, 2)", "this looks like layout='bshd'"),
        ("    return (v.mean(2, keepdims=True) + 0 * q).mean(1, keepdims=True) + 0 * q", "mean of V over heads too"),
        ("    return q", "should be the mean of V"),
        ("    return q * float('nan')", "not finite"),
        ("    raise ValueError('head dim must be 64')", "ValueError: head dim must be 64"),
        ("    return [1, 2]", "not a numpy.ndarray"),
        ("    q += 1; return v.mean(2, keepdims=True).repeat(q.shape[2], 2)", "wrote into its input q"),
        (
            "    out = q * 0 + v.mean(2, keepdims=True)\n    return (out, 0 * out[..., 0] + 2.3219) if return_lse else out",
            "base 2",
        ),
    ],
)
def test_doctor_names_what_is_wrong(body: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.py").write_text(
        "import numpy as np, attnspec\n@attnspec.implementation(dtypes=['float32'])\n"
        f"def attend(q, k, v, *, return_lse=False, colour=None):\n{body}\n",
        encoding="utf-8",
    )
    text = " ".join(told(["doctor", str(tmp_path / "odd.py")], capsys, code=1).split())
    assert said in text and "to fix first" in text
    assert "'colour'" in text
