"""The bounds of linear attention hold for every correct kernel, are not idle, and do not hold for wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import REFERENCE, arithmetic_for
from attnspec.reference.faults.catalogue import as_callable as fault
from attnspec.reference.linear_attention import growth
from attnspec.reference.linear_attention.bounds import judge_linear
from attnspec.reference.linear_attention.kernels import LINEAR_KERNELS, as_callable, declared_of
from attnspec.reference.linear_attention.recurrent import linear_attention
from attnspec.reference.rounding import DTYPES, preimage

from .linear_cases import call

pytestmark = pytest.mark.long

CALLS = 24
LENGTHS = (1, 3, 17, 33, 65)


def outside(came: Any, exact: Any, bound: Any) -> tuple[Any, float]:
    """Entries that no correct kernel gives; and the largest error as a share of the bound, before output rounding."""
    low, high = preimage(came, came.dtype.name)
    with np.errstate(all="ignore"):
        known = np.isfinite(bound)
        bad = known & ~((low - bound <= exact) & (exact <= high + bound))
        share = np.maximum(np.abs(came.astype(float) - exact) - (high - low) / 2, 0) / bound
    return bad, float(np.max(share[known & (bound > 0)], initial=0.0))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", LINEAR_KERNELS)
def test_no_correct_kernel_leaves_its_bound(name: str, dtype: str) -> None:
    kernel = LINEAR_KERNELS[name]
    arithmetic = arithmetic_for(declared_of(kernel, dtype), dtype)
    largest, finite = 0.0, []
    for seed in range(CALLS):
        arrays, options = call(seed, LENGTHS)
        q, k, v = (x.astype(DTYPES[dtype]) for x in arrays)
        due = judge_linear(q, k, v, arithmetic=arithmetic, dtype=dtype, **options)
        out, (state, normalizer) = as_callable(kernel)(q, k, v, return_state=True, **options)
        for came, exact, bound in (
            (out, due.out, due.out_bound),
            (state, due.state, due.state_bound),
            (normalizer, due.normalizer, due.normalizer_bound),
        ):
            bad, share = outside(came, exact, bound)
            assert not bad.any(), (seed, options)
            largest = max(largest, share)
            finite.append(np.isfinite(bound).mean() if bound.size else 1.0)
    assert largest > 0.003, "the bound is idle"
    assert np.mean(finite) > 0.9, "the bound says nothing"


@pytest.mark.parametrize("name", ["linear-exclusive-scan", "linear-state-restarts", "linear-gate-after-the-update"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_wrong_kernels_leave_it(name: str, dtype: str) -> None:
    found = 0
    for seed in range(CALLS):
        arrays, options = call(seed, LENGTHS)
        q, k, v = (x.astype(DTYPES[dtype]) for x in arrays)
        due = judge_linear(
            q, k, v, arithmetic=arithmetic_for("fp32" if dtype == "float32" else "half", dtype), dtype=dtype, **options
        )
        found += bool(outside(fault(name)(q, k, v, **options), due.out, due.out_bound)[0].any())
    assert found >= 3


def test_the_reference_is_within_its_own_bound_and_that_is_small() -> None:
    for seed in range(CALLS):
        (q, k, v), options = call(seed)
        due = judge_linear(q, k, v, arithmetic=REFERENCE, dtype="float64", **options)
        size = np.nanmax(np.abs(due.state), initial=1.0)
        assert np.all(due.state_bound <= 2.0**-30 * size)


@pytest.mark.parametrize("delta", [False, True])
def test_room_of_a_carried_state_counts(delta: bool) -> None:
    """A state that is off by its room moves the output by no more than the bound grows."""
    r = np.random.default_rng(4)
    q, k, v = (r.standard_normal((1, 2, 12, 4)) for _ in range(3))
    options: dict[str, Any] = {"causal": True, "decay": np.array([0.9, 1.0], np.float32)}
    if delta:
        options["beta"] = (r.random((1, 2, 12)) / (k**2).sum(-1)).astype(np.float32)
    state = (r.standard_normal((1, 2, 4, 4)).astype(np.float32), np.ones((1, 2, 4), np.float32))
    room = (np.full(state[0].shape, 0.125), np.full(state[1].shape, 0.125))
    arithmetic = arithmetic_for("fp32", "float32")
    due = judge_linear(q, k, v, arithmetic=arithmetic, dtype="float32", room=room, initial_state=state, **options)
    plain = judge_linear(q, k, v, arithmetic=arithmetic, dtype="float32", initial_state=state, **options)
    largest = 0.0
    for _ in range(20):
        moved = tuple(x + e * r.choice([-1.0, 1.0], x.shape) for x, e in zip(state, room, strict=True))
        other = linear_attention(q, k, v, initial_state=moved, **options)
        apart = np.abs(other.out - plain.out)
        assert np.all(apart <= due.out_bound)
        assert np.all(np.abs(other.state - plain.state) <= due.state_bound)
        largest = max(largest, float((apart / due.out_bound).max()))
    assert largest > 0.2


def test_nothing_is_promised_where_the_normaliser_may_be_zero_or_a_number_too_large() -> None:
    q = k = v = -np.ones((1, 1, 2, 1), np.float32)
    arithmetic = arithmetic_for("fp32", "float32")
    made = judge_linear(q, k, v, arithmetic=arithmetic, dtype="float32", feature_map="relu", causal=True, normalize=True)
    assert np.isinf(made.out_bound).all()
    large = judge_linear(100 * v, -100 * k, v, arithmetic=arithmetic, dtype="float32", feature_map="exp")
    assert np.isinf(large.out_bound).all() and np.isinf(large.state_bound).all()


@pytest.mark.parametrize("seed", range(6))
def test_steps_in_blocks_are_steps_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many steps the recurrences of the bounds take at once changes nothing but rounding."""
    (q, k, v), options = call(seed, LENGTHS)
    arithmetic = arithmetic_for("fp32", "float32")
    whole = judge_linear(q, k, v, arithmetic=arithmetic, dtype="float32", **options)
    monkeypatch.setattr(growth, "BLOCK", 1)
    single = judge_linear(q, k, v, arithmetic=arithmetic, dtype="float32", **options)
    for name in ("out", "out_bound", "state_bound", "normalizer_bound"):
        np.testing.assert_allclose(getattr(single, name), getattr(whole, name), rtol=1e-9)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.9, 2.5])
def test_under_the_delta_rule_states_that_start_apart_stay_within_what_they_may_be_apart(factor: float) -> None:
    """For β|k|² on both sides of 1 and of 2: what carries a difference on is |1 − β|k|²| along k, and 1 across it."""
    r = np.random.default_rng(7)
    q, k, v = (r.standard_normal((1, 1, 9, 4)) for _ in range(3))
    options: dict[str, Any] = {"causal": True, "beta": (factor / (k**2).sum(-1)).astype(np.float32)}
    state, normalizer = np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 1, 4), np.float32)
    room = (np.full(state.shape, 0.25), np.zeros(normalizer.shape))
    due = judge_linear(q, k, v, arithmetic=REFERENCE, dtype="float64", room=room, initial_state=(state, normalizer), **options)
    for _ in range(20):
        moved = (state + room[0] * r.choice([-1.0, 1.0], state.shape), normalizer)
        other = linear_attention(q, k, v, initial_state=moved, **options)
        assert np.all(np.abs(other.state - due.state) <= due.state_bound)
