"""Score tests on the logsumexp: correct kernels stay inside, and a mistake is estimated at its size from few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.attention.bounds.score import Estimate, Noise, noise_of, scale
from attnspec.reference.attention.bounds.score import Residual as OfOutput
from attnspec.reference.attention.bounds.score_logsumexp import logsumexp_offset, logsumexp_scale
from attnspec.reference.attention.kernels import KERNELS, arithmetic_of
from attnspec.reference.attention.kernels import as_callable as kernel
from attnspec.reference.attention.textbook import attention
from attnspec.reference.faults.catalogue import as_callable
from attnspec.reference.rounding import DTYPES, round_to

NAMES = ["float32", "float16", "bfloat16"]
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"causal": True}, {"window": (16, 4)}, {"scale": 0.3})


def drawn(dtype: str, seed: int, sigma: float = 1.0, s: int = 64, d: int = 64) -> Any:
    r = np.random.default_rng([seed, 78])
    return tuple((size * r.standard_normal((1, 2, s, d))).astype(DTYPES[dtype]) for size in (sigma, 1.0, 1.0))


def noise(inputs: Any, arithmetic: Any = None, **options: Any) -> Noise:
    dtype = inputs[0].dtype.name
    how = {"arithmetic": arithmetic or arithmetic_for(None, dtype), "dtype": dtype}
    return noise_of(*inputs, attended=attention(*inputs, **options), **how, **options)


def outside(found: Estimate) -> float:
    return abs(float(found.value)) / float(found.room)


@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n in KERNELS for d in NAMES if d != "float32" or not KERNELS[n].stored])
def test_a_correct_kernel_has_no_systematic_error(name: str, dtype: str) -> None:
    for seed, options in enumerate(OPTIONS):
        inputs = drawn(dtype, seed, (0.2, 1.0, 4.0)[seed % 3], s=65, d=32)
        of = noise(inputs, arithmetic_of(KERNELS[name], dtype), **options)
        lse = kernel(KERNELS[name])(*inputs, return_lse=True, **options)[1]
        assert outside(logsumexp_scale(of, lse)) < 1 and outside(logsumexp_offset(of, lse)) < 1


@pytest.mark.parametrize("dtype", NAMES)
def test_a_thousandth_of_the_scale_shows_where_the_output_of_bfloat16_hides_it(dtype: str) -> None:
    for seed in range(6):
        inputs = drawn(dtype, seed)
        of, (out, lse) = noise(inputs), as_callable("scale-per-mille")(*inputs, return_lse=True)
        found = logsumexp_scale(of, lse)
        assert abs(float(found.value) - 1e-3) < float(found.room) < 6e-4
        assert dtype != "bfloat16" or outside(scale(OfOutput.of(of, out))) < 1


@pytest.mark.parametrize("dtype", NAMES)
def test_a_lost_key_makes_row_sums_too_small(dtype: str) -> None:
    inputs = drawn(dtype, 7)
    exact = attention(*inputs)
    found = logsumexp_offset(noise(inputs), as_callable("last-key-dropped")(*inputs, return_lse=True)[1])
    due = np.log1p(-exact.weights[..., -1]).mean()
    assert abs(float(found.value) - due) < float(found.room) < -due / 20


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_row_sums_of_rounded_weights_cost_room_only_where_they_may_be(dtype: str) -> None:
    inputs = drawn(dtype, 8)
    arithmetics = [arithmetic_for({"name": "half", "row_sum_from": way}, dtype) for way in ("unrounded", "rounded")]
    lse = attention(*inputs).lse.astype(np.float32)
    unrounded, rounded = (logsumexp_scale(noise(inputs, arithmetic), lse) for arithmetic in arithmetics)
    assert float(unrounded.scatter) < float(rounded.scatter) / 10 and float(unrounded.allowed) < float(rounded.allowed)


def test_a_logsumexp_that_is_stored_low_has_the_room_of_its_dtype() -> None:
    inputs = drawn("bfloat16", 9)
    exact = attention(*inputs).lse
    stored = round_to(exact, "bfloat16").astype(DTYPES["bfloat16"])
    of = noise(inputs)
    low, high = logsumexp_scale(of, stored), logsumexp_scale(of, exact.astype(np.float32))
    assert outside(low) < 1 and float(high.room) < float(low.room)


def test_an_exponential_that_is_off_the_same_way_is_allowed_for() -> None:
    """All weights but the largest too large by u_exp: the logsumexp is too large in every row."""
    inputs = drawn("bfloat16", 10)
    arithmetic = arithmetic_for("half-fastexp", "bfloat16")
    exact = attention(*inputs)
    top = exact.scores.max(-1, keepdims=True)
    weights = np.exp(exact.scores - top) * np.where(exact.scores < top, 1 + arithmetic.u_exp, 1.0)
    lse = (np.log(weights.sum(-1)) + top[..., 0]).astype(np.float32)
    assert outside(logsumexp_offset(noise(inputs, arithmetic), lse)) < 1
    strict = arithmetic_for({"name": "half", "row_sum_from": "unrounded"}, "bfloat16")
    assert outside(logsumexp_offset(noise(inputs, strict), lse)) > 1


def test_rows_that_see_no_key_say_nothing_whatever_they_hold() -> None:
    inputs = drawn("float32", 11)
    mask = np.ones((64, 64), dtype=bool)
    mask[3] = False
    lse = attention(*inputs, mask=mask).lse.astype(np.float32)
    lse[:, :, 3] = np.nan
    assert outside(logsumexp_scale(noise(inputs, mask=mask), lse)) < 1
    nothing = logsumexp_offset(noise(inputs, mask=np.zeros((64, 64), dtype=bool)), lse)
    assert np.isinf(nothing.room)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_rounding_of_stored_logsumexps_that_hardly_differ_is_no_scatter(dtype: str) -> None:
    """With nearly equal scores every row has nearly the same logsumexp, and all are rounded the same way."""
    found = 0
    for s in (64, 65, 71, 90):
        inputs = drawn(dtype, s, sigma=0.02, s=s, d=16)
        exact = attention(*inputs, scale=0.075).lse
        stored = round_to(exact, dtype).astype(DTYPES[dtype])
        found += len(np.unique(stored)) <= 2
        of = noise(inputs, scale=0.075)
        assert outside(logsumexp_scale(of, stored)) < 1 and outside(logsumexp_offset(of, stored)) < 1
    assert found
