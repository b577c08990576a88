"""The bounds are nearly reached: adversaries inside the declared arithmetic come close to them, and never pass.

An adversary chooses the sign of every error that Theorem D allows, to push one output as far as it can. So the theorem is not
a generous estimate, and a term that were missing would show here as a ratio above 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import ROUNDOFF, Arithmetic, arithmetic_for
from attnspec.reference.attention.bounds.facts import Facts, facts_of
from attnspec.reference.attention.bounds.logits import Logits, logit_errors
from attnspec.reference.attention.bounds.logsumexp import logsumexp_bound
from attnspec.reference.attention.bounds.output import output_bound
from attnspec.reference.attention.bounds.weights import Weights, weight_errors
from attnspec.reference.attention.inputs import read
from attnspec.reference.attention.textbook import attention
from attnspec.reference.rounding import DTYPES, round_to
from attnspec.reference.roundoff import DIVIDE, compounded, gamma

PLAIN = {"tile": 1 << 30, "splits": 1, "weights_rounded": "before", "row_sum_from": "unrounded"}


def parts(q: Any, k: Any, v: Any, arithmetic: Arithmetic, dtype: str, **options: Any) -> tuple[Facts, Logits, Weights]:
    facts = facts_of(read(q, k, v, **options), attention(q, k, v, **options))
    logits = logit_errors(facts, arithmetic, dtype)
    return facts, logits, weight_errors(facts, logits, arithmetic)


def pushed(facts: Facts, weights: Weights, arithmetic: Arithmetic, common: float, up: float) -> Any:
    """The output when every κ_j pushes it up (up = 1) or down (−1) as far as it can, and so do all other errors.

    common: u_p where the row sum shares the rounding of the weights, which then is part of κ; otherwise it is one-sided.
    """
    u, p, v, o = arithmetic.u_acc, facts.weights, facts.signed, facts.out
    rounding = ROUNDOFF[arithmetic.stored_weights] if arithmetic.stored_weights else 0.0
    relative = np.where(p > 0, weights.grown / np.where(p > 0, p, 1), 0.0)
    relative = (1 + relative) * (1 + common) - 1
    additions = facts.count + weights.rescalings
    gathered = gamma(additions + 1, u)
    one_sided = gathered if common else (1 + rounding) * (1 + gathered) - 1
    best = np.empty_like(o)
    for b, h, i, d in np.ndindex(o.shape):
        away = v[b, h, :, d] - o[b, h, i, d]
        # Weights that pull the right way grow, the others shrink.
        kappa = np.where(up * away > 0, relative[b, h, i], -relative[b, h, i] / (1 + relative[b, h, i]))
        moved = p[b, h, i] * (1 + kappa)
        moved /= moved.sum()
        terms = moved * v[b, h, :, d]
        best[b, h, i, d] = (terms * (1 + up * np.sign(terms) * one_sided)).sum()
    divide, row_sum = compounded((DIVIDE, u)), gamma(additions, u)
    outward = np.sign(best) * up
    return best * (1 + outward * divide) / (1 - outward * row_sum)


def reached(q: Any, k: Any, v: Any, arithmetic: Arithmetic, dtype: str) -> float:
    """The largest distance of an adversary's output from the exact one, by the bound."""
    facts, _, weights = parts(q, k, v, arithmetic, dtype)
    bound = output_bound(facts, weights, arithmetic)
    rounded = arithmetic.row_sum_from == "rounded" and arithmetic.stored_weights is not None
    common = ROUNDOFF[arithmetic.stored_weights] if rounded and arithmetic.stored_weights else 0.0
    return max(float(np.max(np.abs(pushed(facts, weights, arithmetic, common, up) - facts.out) / bound)) for up in (1, -1))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("row_sum", ["unrounded", "rounded"])
def test_adversaries_come_close_and_never_pass(dtype: str, row_sum: str) -> None:
    ratios = []
    for seed in range(30):
        r = np.random.default_rng(seed)
        sk, sigma = int(r.choice([2, 5, 33, 130])), float(r.choice([0.1, 1.0, 5.0, 30.0]))
        q, k, v = (x.astype(DTYPES[dtype]) for x in (r.standard_normal((1, 1, n, 8)) for n in (3, sk, sk)))
        if seed % 3 == 0:
            v = np.sign(v.astype(np.float64)).astype(v.dtype)
        base = {"float32": "fp32"}.get(dtype, "half")
        fields: dict[str, Any] = {**PLAIN, "row_sum_from": row_sum, "u_exp": float(r.choice([2.0**-20, 2.0**-12]))}
        if seed % 5 == 0:
            fields["stored_scores"] = "bfloat16"
        q = (sigma * q.astype(np.float64)).astype(q.dtype)
        ratios.append(reached(q, k, v, arithmetic_for({"name": base, **fields}, dtype), dtype))
    print(f"{dtype}, {row_sum}: largest {max(ratios):.5f}, median {np.median(ratios):.2f}")
    assert max(ratios) <= 1 + 1e-9
    assert max(ratios) > 0.9
    assert np.median(ratios) > 0.6


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_real_roundings_all_in_one_direction_nearly_reach_the_bound(dtype: str) -> None:
    """Weights that all lie just below the midpoint of two numbers: rounding to nearest takes u_p off each of them.

    Two groups of keys, one of which loses u_p of its weight: nothing but rounding to nearest, and V ≥ 0.
    """
    u, keys = ROUNDOFF[dtype], 256
    weight = 0.5 * (1 + 0.97 * u)
    # One key at the maximum, the others at log(weight): exact in no dtype, so scores come through the bias, in float64.
    bias = np.full((1, 1, 1, keys), np.log(weight))
    bias[..., 0] = 0
    q = np.zeros((1, 1, 1, 8), DTYPES[dtype])
    k = np.zeros((1, 1, keys, 8), DTYPES[dtype])
    v = np.ones((1, 1, keys, 1), DTYPES[dtype])
    v[..., 0, :] = 0
    arithmetic = arithmetic_for({"name": "half", **PLAIN}, dtype)
    facts, _, weights = parts(q, k, v, arithmetic, dtype, bias=bias)
    bound = output_bound(facts, weights, arithmetic)
    exact = np.exp(bias[0, 0, 0])
    got = (round_to(exact, dtype)[1:]).sum() / exact.sum()
    assert 0.8 < abs(got - facts.out.item()) / bound.item() <= 1


def test_no_adversary_moves_the_logsumexp_further_than_its_bound() -> None:
    ratios = []
    for seed in range(40):
        r = np.random.default_rng(seed)
        sigma = float(r.choice([0.1, 1.0, 5.0, 30.0]))
        q, k, v = ((r.standard_normal((1, 1, n, 8))).astype(np.float32) for n in (3, 33, 33))
        name = ["half", "half-naive"][seed % 2]
        arithmetic = arithmetic_for({"name": name, **PLAIN}, "bfloat16")
        q, k, v = (x.astype(DTYPES["bfloat16"]) for x in (sigma * q, k, v))
        facts, logits, weights = parts(q, k, v, arithmetic, "bfloat16")
        bound = logsumexp_bound(facts, logits, weights, arithmetic)
        for sign in (1, -1):
            reach = np.log1p(weights.grown / facts.weights)
            moved = np.log((facts.weights * np.exp(sign * reach)).sum(-1)) + facts.lse[..., 0]
            ratios.append(float(np.max(np.abs(moved - facts.lse[..., 0]) / bound)))
    print(f"logsumexp: largest {max(ratios):.5f}")
    assert 0.9 < max(ratios) <= 1 + 1e-9


def test_a_weaker_arithmetic_never_has_a_smaller_bound() -> None:
    r = np.random.default_rng(0)
    q, k, v = (r.standard_normal((1, 2, n, 8)).astype(np.float16) for n in (9, 70, 70))
    strong = arithmetic_for({"name": "half", **PLAIN}, "float16")
    weaker: dict[str, Any] = {
        "u_acc": 2.0**-23, "u_exp": 2.0**-12, "u_log": 2.0**-12, "n_pre": 1, "stored_scores": "float16", "tile": 16,
        "splits": 4, "row_sum_from": "either", "weights_rounded": "either", "stored_weights": "bfloat16",
    }  # fmt: skip

    def bounds(arithmetic: Arithmetic) -> tuple[Any, Any]:
        facts, logits, weights = parts(q, k, v, arithmetic, "float16")
        return output_bound(facts, weights, arithmetic), logsumexp_bound(facts, logits, weights, arithmetic)

    out, lse = bounds(strong)
    for name, value in weaker.items():
        weak_out, weak_lse = bounds(replace(strong, **{name: value}))
        assert (weak_out >= out * (1 - 1e-12)).all() and (weak_lse >= lse * (1 - 1e-12)).all(), name
        assert (weak_out > out).any() or (weak_lse > lse).any(), f"{name} has no effect"
