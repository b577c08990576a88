"""Bounds of a few rows at a time are those of all rows at once, and records are found as their definition says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.attention.bounds import blocks, facts, judge
from attnspec.reference.attention.bounds.records import PART, most_records
from attnspec.reference.attention.kernels import KERNELS, arithmetic_of
from attnspec.reference.rounding import DTYPES


def judged(monkeypatch: pytest.MonkeyPatch, fewest: int, inputs: Any, **how: Any) -> Any:
    monkeypatch.setattr(blocks, "ENTRIES", 1)
    monkeypatch.setattr(blocks, "FEWEST", fewest)
    return judge(*inputs, **how)


def same(one: Any, other: Any, names: tuple[str, ...] = ("out", "lse", "out_bound", "lse_bound")) -> None:
    for name in names:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, err_msg=name)


def test_blocks_of_rows_change_no_bound(draw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a row nearly has one value, its spread Σ p v² − o² is mostly what the sums lose, which depends on how many rows a
    BLAS takes at once. So the spread of either is at most that of the other with what both may lose added."""
    usual = facts._cancelled
    for seed in range(60):
        inputs, options = draw(seed)
        how = {"arithmetic": arithmetic_for(None, inputs[0].dtype.name), "dtype": inputs[0].dtype.name, **options}
        whole, parts = (judged(monkeypatch, fewest, inputs, **how) for fewest in (1 << 20, 3))
        same(whole, parts, ("out", "lse", "lse_bound"))
        with monkeypatch.context() as patched:
            patched.setattr(facts, "_cancelled", lambda keys: 3 * usual(keys))
            most = judged(monkeypatch, 1 << 20, inputs, **how), judged(monkeypatch, 3, inputs, **how)
        for one, other in zip((whole, parts), reversed(most), strict=True):
            known = ~np.isnan(one.out_bound)
            assert (known == ~np.isnan(other.out_bound)).all()
            assert (one.out_bound <= other.out_bound * (1 + 1e-9))[known].all(), f"seed {seed}"


@pytest.mark.parametrize("name", ["flash 16", "scores stored low"])
def test_all_blocks_share_one_probability(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    r = np.random.default_rng(3)
    inputs = [r.standard_normal((1, 2, n, 16)).astype(DTYPES["bfloat16"]) for n in (50, 400, 400)]
    for options in ({}, {"causal": True, "causal_alignment": "bottom-right"}):
        how = {"arithmetic": arithmetic_of(KERNELS[name], "bfloat16"), "dtype": "bfloat16", "random_signs": True, **options}
        whole = judged(monkeypatch, 1 << 20, inputs, **how)
        same(whole, judged(monkeypatch, 7, inputs, **how))
        assert (whole.out_bound < judged(monkeypatch, 7, inputs, **{**how, "random_signs": False}).out_bound).any()


def records(high: Any, low: Any) -> int:
    """One row, key by key."""
    top, found = -np.inf, 0
    for h, below in zip(high, low, strict=True):
        found += bool(h > top)
        top = max(top, below)
    return found


@pytest.mark.parametrize("keys", [1, 2, PART - 1, PART, PART + 1, 5 * PART + 3])
def test_records_are_those_of_the_definition(keys: int) -> None:
    r = np.random.default_rng(keys)
    scores = r.standard_normal((2, 1, 6, keys))
    scores[0, 0, 0], scores[0, 0, 1], scores[0, 0, 2] = np.arange(keys), -np.arange(keys), 1.0
    error = r.choice([0.0, 1e-3, 0.5], scores.shape)
    for seen in (None, r.random(scores.shape) < 0.7, np.zeros(scores.shape, dtype=bool)):
        high, low = (np.where(True if seen is None else seen, x, -np.inf) for x in (scores + error, scores - error))
        found = most_records(scores, error, seen)
        for at in np.ndindex(scores.shape[:-1]):
            assert found[at] == max(records(high[at], low[at]), records(high[at][::-1], low[at][::-1]))
