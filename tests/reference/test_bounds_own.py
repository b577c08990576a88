"""The reference's own error as a share of a kernel's bound is never below what its full derivation gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import NAMED, REFERENCE, Arithmetic, arithmetic_for
from attnspec.reference.attention.bounds import judgement
from attnspec.reference.attention.bounds.facts import facts_of
from attnspec.reference.attention.bounds.logits import logit_errors
from attnspec.reference.attention.bounds.own import own_share
from attnspec.reference.attention.bounds.weights import weight_errors
from attnspec.reference.attention.inputs import read
from attnspec.reference.attention.textbook import attention

pytestmark = pytest.mark.long

NAMES = {"float64": ["fp64"], "float32": ["fp32", "tf32"], "float16": ["half", "half-fastexp", "half-naive"]}
NAMES["bfloat16"] = [*NAMES["float16"], "tensorcore"]


def both(inputs: Any, options: dict[str, Any], arithmetic: Arithmetic, dtype: str) -> tuple[float | None, Any, Any]:
    """The share, the bounds of the arithmetic, and those of the reference in full; each (out, lse)."""
    given = read(*inputs, **options)
    with np.errstate(all="ignore"):
        facts = facts_of(given, attention(*inputs, **options))
        logits = logit_errors(facts, arithmetic, dtype)
        weights = weight_errors(facts, logits, arithmetic)
        share = own_share(facts, logits, weights, arithmetic)
        mine = judgement._bounds(facts, logits, weights, arithmetic)
        logits = logit_errors(facts, REFERENCE, "float64")
        full = judgement._bounds(facts, logits, weight_errors(facts, logits, REFERENCE), REFERENCE)
    return share, mine, full


def test_a_share_is_never_less_than_the_full_derivation(draw: Any) -> None:
    shared = total = 0
    for seed in range(160):
        inputs, options = draw(seed)
        dtype = str(inputs[0].dtype)
        for name in NAMES[dtype]:
            for changed in ({}, {"weights_rounded": "before", "splits": 1}, {"row_sum_from": "rounded"}, {"tile": 1 << 30}):
                share, mine, full = both(inputs, options, replace(arithmetic_for(name, dtype), **changed), dtype)
                total += 1
                if share is None:
                    continue
                shared += 1
                assert 0 < share <= 1
                for kernel, reference in zip(mine, full, strict=True):
                    known = ~np.isnan(reference) & ~np.isnan(kernel)
                    assert (reference[known] <= share * kernel[known] * (1 + 1e-12)).all(), f"seed {seed}, {name}, {changed}"
    print(f"{shared} of {total}")
    assert shared > total / 2


@pytest.mark.parametrize(
    ("why", "changed"),
    [
        ("its logarithm is worse than the kernel's", {"u_log": 2.0**-60}),
        ("the hull of V caps the kernel's bound", {"u_exp": 0.5}),
        ("the error of the maximum is capped by other keys", {"u_acc": 2.0**-6}),
    ],
)
def test_there_is_no_share_where(why: str, changed: dict[str, Any]) -> None:
    r = np.random.default_rng(1)
    inputs = tuple(x.astype(np.float32) for x in (9 * r.standard_normal((1, 2, 5, 16)), *r.standard_normal((2, 1, 2, 9, 16))))
    usual, _, _ = both(inputs, {}, NAMED["fp32"], "float32")
    share, _, _ = both(inputs, {}, replace(NAMED["fp32"], **changed), "float32")
    assert usual is not None and share is None, why


def test_a_division_that_the_kernel_does_not_make_costs_a_larger_share() -> None:
    r = np.random.default_rng(3)
    inputs = tuple(r.standard_normal((1, 2, n, 16)).astype(np.float32) for n in (5, 9, 9))
    late = replace(NAMED["fp32"], weights_rounded="before", splits=1)
    usual, larger = (both(inputs, {}, arithmetic, "float32") for arithmetic in (NAMED["fp32"], late))
    assert usual[0] is not None and larger[0] == 4 * usual[0]


def test_weights_that_underflow_in_float64_are_derived_in_full() -> None:
    r = np.random.default_rng(2)
    inputs = tuple(r.standard_normal((1, 1, n, 8)).astype(np.float32) for n in (3, 9, 9))
    bias = np.where(np.arange(9) < 4, 0.0, -800.0).astype(np.float32)[None, None, None, :]
    share, _, _ = both(inputs, {"bias": bias}, NAMED["fp32"], "float32")
    assert share is None
    share, _, _ = both(inputs, {"bias": bias / 4}, NAMED["fp32"], "float32")
    assert share is not None
