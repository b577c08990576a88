"""Where a bound is exactly 0, where there is none, and what must not reach it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import NAMED, Arithmetic, arithmetic_for
from attnspec.reference.attention.bounds import judge
from attnspec.reference.rounding import DTYPES, round_to

HALF = arithmetic_for("half", "float16")
SINGLE = arithmetic_for("fp32", "float32")


def normal(sq: int = 5, sk: int = 21, d: int = 8, dtype: str = "float32", hq: int = 2, hkv: int = 1) -> tuple[Any, Any, Any]:
    r = np.random.default_rng(7)
    shapes = (1, hq, sq, d), (1, hkv, sk, d), (1, hkv, sk, 3)
    q, k, v = (r.standard_normal(shape).astype(DTYPES[dtype]) for shape in shapes)
    return q, k, v


def test_shapes_and_signs() -> None:
    answer = judge(*normal(), arithmetic=SINGLE, dtype="float32")
    assert answer.out.shape == answer.out_bound.shape == (1, 2, 5, 3)
    assert answer.lse.shape == answer.lse_bound.shape == (1, 2, 5)
    assert (answer.out_bound > 0).all() and (answer.lse_bound > 0).all()


@pytest.mark.parametrize("convention", ["zeros", "nan", "mean"])
def test_rows_that_see_no_key(convention: str) -> None:
    q, k, v = normal()
    mask = np.ones((5, 21), dtype=bool)
    mask[2] = False
    answer = judge(q, k, v, arithmetic=SINGLE, dtype="float32", mask=mask, empty_rows=convention)
    whole = judge(q, k, v, arithmetic=SINGLE, dtype="float32")
    assert np.isneginf(answer.lse[:, :, 2]).all() and (answer.lse_bound[:, :, 2] == 0).all()
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(answer.out_bound[:, :, others], whole.out_bound[:, :, others], rtol=1e-12)
    if convention == "mean":
        got = v.mean(axis=2, keepdims=True).astype(np.float64)
        assert (np.abs(got - answer.out[:, :, 2:3]) <= answer.out_bound[:, :, 2:3]).all()
        assert (answer.out_bound[:, :, 2] > 0).all() and (answer.out_bound[:, :, 2] < 1e-4).all()
    else:
        assert (answer.out_bound[:, :, 2] == 0).all()


def test_no_keys_and_no_queries() -> None:
    for sq, sk in ((3, 0), (0, 4), (0, 0)):
        for convention in ("zeros", "mean", "nan"):
            answer = judge(*normal(sq, sk), arithmetic=HALF, dtype="float16", empty_rows=convention)
            assert (answer.out_bound == 0).all() and (answer.lse_bound == 0).all()


def test_a_row_with_only_its_sink() -> None:
    q, k, v = normal()
    sinks = np.array([1.5, -np.inf], np.float32)
    answer = judge(q, k, v, arithmetic=SINGLE, dtype="float32", mask=np.zeros((5, 21), dtype=bool), sinks=sinks)
    assert (answer.out == 0).all() and (answer.out_bound < 1e-30).all()
    assert (answer.lse[:, 0] == 1.5).all() and (answer.lse_bound[:, 0] < 1e-5).all()
    assert np.isneginf(answer.lse[:, 1]).all() and (answer.lse_bound[:, 1] == 0).all()


@pytest.mark.parametrize("junk", [np.nan, np.inf, 3e38])
def test_hidden_keys_may_hold_anything(junk: float) -> None:
    q, k, v = normal(dtype="bfloat16")
    for options in ({"causal": True}, {"kv_lengths": np.array([2])}):
        clean = judge(q, k, v, arithmetic=HALF, dtype="bfloat16", **options)
        bad_k, bad_v = k.copy(), v.copy()
        bad_k[:, :, 5:], bad_v[:, :, 5:] = junk, junk
        answer = judge(q, bad_k, bad_v, arithmetic=HALF, dtype="bfloat16", **options)
        np.testing.assert_array_equal(answer.out_bound, clean.out_bound)
        np.testing.assert_array_equal(answer.lse_bound, clean.lse_bound)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf])
def test_what_a_row_sees_that_is_not_finite_has_no_bound_and_never_a_nan(junk: float) -> None:
    q, k, v = normal()
    bad_v = v.copy()
    bad_v[0, 0, 3, 1] = junk
    answer = judge(q, k, bad_v, arithmetic=SINGLE, dtype="float32", causal=True)
    clean = judge(q, k, v, arithmetic=SINGLE, dtype="float32", causal=True)
    reached = np.zeros((1, 2, 5, 3), dtype=bool)
    reached[:, :, 3:, 1] = True
    assert (np.isinf(answer.out_bound) == reached).all()
    np.testing.assert_array_equal(answer.out_bound[~reached], clean.out_bound[~reached])
    np.testing.assert_array_equal(answer.lse_bound, clean.lse_bound)
    bad_k = k.copy()
    bad_k[0, 0, 3] = junk
    answer = judge(q, bad_k, v, arithmetic=SINGLE, dtype="float32", causal=True)
    assert np.isfinite(answer.out_bound[:, :, :3]).all() and np.isinf(answer.out_bound[:, :, 3:]).all()
    assert not np.isnan(answer.lse_bound).any()


def test_a_finite_minus_infinity_masks_and_does_not_widen_the_others() -> None:
    q, k, v = normal()
    seen = np.arange(21) < 12
    hidden = judge(q, k, v, arithmetic=SINGLE, dtype="float32", mask=seen[None])
    for value in (-1e4, -1e9, float(np.finfo(np.float32).min)):
        bias = np.where(seen, 0, value).astype(np.float32)[None]
        answer = judge(q, k, v, arithmetic=SINGLE, dtype="float32", bias=bias)
        assert (answer.out_bound < 3 * hidden.out_bound).all() and (answer.lse_bound < 3 * hidden.lse_bound).all()


def test_scores_that_their_dtype_cannot_hold_are_promised_nothing() -> None:
    q, k, v = normal(dtype="float16")
    stored = arithmetic_for("half-naive", "float16")
    q, k = 100 * q, 120 * k
    answer = judge(q, k, v, arithmetic=stored, dtype="float16", scale=1.0)
    too_large = np.abs(answer.attended.scores).max(-1) > 65504
    assert too_large.any() and not too_large.all()
    assert np.isinf(answer.out_bound[too_large]).all() and np.isinf(answer.lse_bound[too_large]).all()
    assert np.isfinite(judge(q, k, v, arithmetic=HALF, dtype="float16", scale=1.0).out_bound).all()


def test_a_narrow_accumulator_has_no_bound_for_long_sums() -> None:
    narrow = Arithmetic("narrow", u_acc=2.0**-8, splits=1)
    short = judge(*normal(sk=8), arithmetic=narrow, dtype="bfloat16")
    long = judge(*normal(sk=300), arithmetic=narrow, dtype="bfloat16")
    assert np.isfinite(short.out_bound).all() and np.isfinite(short.lse_bound).all()
    assert np.isinf(long.out_bound).all() and np.isinf(long.lse_bound).all()


def test_a_bound_never_passes_the_hull_of_the_values_by_much() -> None:
    """Scores of ±6e4 stored in bfloat16 may be ordered anyhow, but an output is still a mean of values."""
    q, k, v = normal(dtype="bfloat16")
    answer = judge(170 * q, 200 * k, v, arithmetic=arithmetic_for("half-naive", "bfloat16"), dtype="bfloat16")
    diameter = (v.max(axis=2) - v.min(axis=2)).astype(np.float64)[:, :, None]
    assert (answer.out_bound <= 1.05 * diameter).all()
    assert np.isfinite(answer.lse_bound).all()


def test_subnormal_values_that_are_flushed_are_inside() -> None:
    q, k, _ = normal()
    v = np.full((1, 1, 21, 3), 2.0**-130, np.float32)
    answer = judge(q, k, v, arithmetic=SINGLE, dtype="float32")
    assert (np.abs(0.0 - answer.out) <= answer.out_bound).all()
    assert (answer.out_bound < 2.0**-119).all()


def test_chosen_rows_are_a_slice_of_all_rows(draw: Any) -> None:
    for seed in range(60):
        (q, k, v), options = draw(seed)
        rows = np.random.default_rng(seed).permutation(q.shape[2])[:3].tolist()
        whole = judge(q, k, v, arithmetic=HALF, dtype="float16", **options)
        some = judge(q, k, v, arithmetic=HALF, dtype="float16", rows=rows, **options)
        for name in ("out", "out_bound", "lse", "lse_bound"):
            chosen, every = getattr(some, name), getattr(whole, name)[:, :, rows]
            np.testing.assert_allclose(chosen, every, rtol=1e-6, atol=1e-12, err_msg=f"{name}, seed {seed}")
            assert not np.isnan(chosen).any() or name == "out"


def test_a_repeated_key_head_has_the_same_bound() -> None:
    q, k, v = normal(hq=4, hkv=2)
    grouped = judge(q, k, v, arithmetic=SINGLE, dtype="float32")
    repeated = judge(q, np.repeat(k, 2, axis=1), np.repeat(v, 2, axis=1), arithmetic=SINGLE, dtype="float32")
    np.testing.assert_array_equal(grouped.out_bound, repeated.out_bound)


OF_FEW_BITS = {"bfloat16-throughout": 0.4, "fp8-block": 0.6}
"""Models whose bound is a large share of the values, of 21 keys."""


@pytest.mark.parametrize("name", NAMED)
def test_every_named_arithmetic_has_a_useful_bound(name: str) -> None:
    dtype = {"fp64": "float64", "fp32": "float32", "float16-throughout": "float16"}.get(name, "bfloat16")
    q, k, v = normal(dtype=dtype)
    answer = judge(q, k, v, arithmetic=arithmetic_for(name, dtype), dtype=dtype)
    assert (answer.out_bound < OF_FEW_BITS.get(name, 0.1) * np.abs(v.astype(np.float64)).max()).all()
    assert not (round_to(answer.out, dtype) == 0).all()


def test_an_unknown_dtype_is_named() -> None:
    with pytest.raises(ValueError, match="float8"):
        judge(*normal(), arithmetic=SINGLE, dtype="float8")
