"""The bounds of random feature attention hold for every correct kernel, are not idle, and do not hold for wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import REFERENCE, arithmetic_for
from attnspec.reference.faults.catalogue import as_callable as fault
from attnspec.reference.random_feature_attention.bounds import judge_random
from attnspec.reference.random_feature_attention.definition import random_feature_attention
from attnspec.reference.random_feature_attention.drawing import draw_projection
from attnspec.reference.random_feature_attention.drawn import drawn_error
from attnspec.reference.random_feature_attention.kernels import RANDOM_KERNELS, as_callable, declared_of
from attnspec.reference.rounding import DTYPES, preimage

from .random_cases import call

CALLS = 12


def typed(seed: int, dtype: str) -> tuple[list[Any], dict[str, Any]]:
    arrays, options = call(seed)
    return [x.astype(DTYPES[dtype]) for x in arrays], options


def outside(came: Any, exact: Any, bound: Any) -> tuple[Any, float]:
    """Entries that no correct kernel gives; and the largest error, as a share of bound and output rounding together."""
    low, high = preimage(came, came.dtype.name)
    with np.errstate(all="ignore"):
        known = np.isfinite(bound)
        bad = known & ~((low - bound <= exact) & (exact <= high + bound))
        share = np.abs(came.astype(float) - exact) / (bound + (high - low) / 2)
    return bad, float(np.max(share[known], initial=0.0))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", RANDOM_KERNELS)
def test_no_correct_kernel_leaves_its_bound(name: str, dtype: str) -> None:
    kernel, largest, finite = RANDOM_KERNELS[name], 0.0, []
    arithmetic = arithmetic_for(declared_of(kernel, dtype), dtype)
    for seed in range(CALLS):
        (q, k, v), options = typed(seed, dtype)
        due = judge_random(q, k, v, arithmetic=arithmetic, dtype=dtype, **options)
        bad, share = outside(as_callable(kernel)(q, k, v, **options), due.out, due.out_bound)
        assert not bad.any(), (seed, options)
        largest, finite = max(largest, share), [*finite, np.isfinite(due.out_bound).mean()]
    assert largest > 0.003, "the bound is idle"
    assert np.mean(finite) > (0.4 if kernel.operands and dtype == "float16" else 0.2 if kernel.narrow else 0.9)


@pytest.mark.parametrize("name", ["random-half-square-missing", "random-exclusive-scan", "random-projection-transposed"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_wrong_kernels_leave_it(name: str, dtype: str) -> None:
    found, arithmetic = 0, arithmetic_for("fp32" if dtype == "float32" else "half", dtype)
    for seed in range(CALLS):
        (q, k, v), options = typed(seed, dtype)
        due = judge_random(q, k, v, arithmetic=arithmetic, dtype=dtype, **options)
        found += bool(outside(fault(name)(q, k, v, **options), due.out, due.out_bound)[0].any())
    assert found >= 3


def test_the_reference_is_within_its_own_bound_and_that_is_small() -> None:
    for seed in range(CALLS):
        (q, k, v), options = call(seed)
        due = judge_random(q, k, v, arithmetic=REFERENCE, dtype="float64", **options)
        assert np.all(due.out_bound <= 2.0**-36)


def test_nothing_is_promised_of_vectors_whose_features_may_all_be_lost() -> None:
    q = k = v = np.full((1, 1, 2, 4), 20.0, np.float32)
    made = judge_random(q, k, v, projection=np.ones((3, 4)), arithmetic=arithmetic_for("fp32", "float32"), dtype="float32")
    assert np.isinf(made.out_bound).all()


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_drawn_projection_rounds_no_worse_than_is_said(dtype: str, orthogonal: bool) -> None:
    r = np.random.default_rng(8)
    how: dict[str, Any] = {"m": 256, "orthogonal": orthogonal}
    for name in ("rounded", "chunks-of-16-rounded", "largest", "unshifted"):
        kernel = RANDOM_KERNELS[name]
        arithmetic = arithmetic_for(declared_of(kernel, dtype), dtype)
        for seed in range(6):
            q, k = (0.25 * r.standard_normal((1, 1, n, 4)) for n in (2, 9))
            q, k, v = (x.astype(DTYPES[dtype]) for x in (q, k, r.random((1, 1, 9, 5))))
            allowed = drawn_error(q, k, scale=0.5, arithmetic=arithmetic, dtype=dtype, **how).output
            w = draw_projection(256, 4, seed, orthogonal=orthogonal)
            exact = random_feature_attention(q, k, v, projection=w, scale=0.5).out
            out = as_callable(kernel)(q, k, v, projection=w, scale=0.5)
            bad, _ = outside(out, exact, allowed * np.abs(out.astype(float)))
            assert not bad.any() and allowed < 0.1
