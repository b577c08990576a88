"""Level R: a bound that fails with a stated probability, over coins that the kit itself has thrown.

Premises. The entries of V have fair signs, independent of each other, of |V|, of q and of k; problems are drawn so. What a
kernel makes of q and k (its weights) and the order in which it sums do not look at V; if it narrows V on the way into its
multipliers, it treats v and −v alike. Nothing else is assumed of its roundings: weights that are always cut off instead of
rounded, a sloppy exp and accumulators that truncate are all inside.

Then every sum Σ c_j v_j whose c_j come from q, k and |V| alone is a sum of independent coins, and exceeds λ·sqrt(Σ c_j² v_j²)
with a probability of at most 2·exp(−λ²/2) (Hoeffding 1963, theorem 2). Level D must take Σ |c_j||v_j| instead.

Write ô = [Σ p_j(1+a_j) v_j + e] / (1+b). a_j: errors of weight j, K_j and its rounding; b: of the row sum, one number; e: of
the accumulation. The first two are made of q and k only, so with W_j ≥ p_j|a_j| and the row sum at least Dn,

    |ô − o| ≤ [ λ·sqrt(Σ W² v²) + |e| ] / Dn + |o|·|b| / (1+b),

    |e| ≤ γ_{n−1}·λ′·sqrt(Σ p²(1+a)² v²) + (1 + γ_{n−1})·γ_d·Σ p|1+a||v|.

The order of summation is a tree that does not look at V, so each of its n−1 partial sums is a sum of coins too, all of them
below λ′ times the root of the whole. An addition errs by u times the largest of its operands and its result, however it rounds,
and e follows by induction over the tree. What multiplies partial sums or products (d roundings at most for each key: product,
rescalings, division, dropout) acts as if V itself were off by γ_d, in a direction that may depend on its sign: this part is
counted as level D counts it. λ and λ′ share the probability among all outputs of a tensor and all their partial sums.

The row sum takes either way of being taken: from rounded weights it is further off, and the numerator is as before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, Arithmetic
from ...roundoff import DIVIDE, compounded, gamma
from .facts import Facts
from .logits import merges
from .output import block_values, row_sums
from .weights import Weights

__all__ = ["FALSE_ALARM", "concentrated", "deviations", "may_gain", "random_sign_bound"]

Array = NDArray[Any]

FALSE_ALARM = 1e-6
"""Probability with which a correct kernel may leave level R somewhere in one tensor. It fixes λ; it is no tolerance."""

SMALLEST = 2.0**-500
"""More than squares of shares of V lose where they underflow in float64."""


def deviations(events: float) -> float:
    """λ such that one of so many sums of coins exceeds λ·sqrt(Σ c²) with a probability of at most FALSE_ALARM."""
    return math.sqrt(2 * math.log(2 * max(events, 1.0) / FALSE_ALARM))


def may_gain(facts: Facts, outputs: int) -> bool:
    """Whether a row is long enough to gain: Σ c|v| ≤ sqrt(n)·sqrt(Σ c² v²), so λ² keys at least. outputs: of the tensor."""
    return outputs > 0 and facts.scores.shape[-1] > deviations(2 * outputs) ** 2


def random_sign_bound(facts: Facts, weights: Weights, arithmetic: Arithmetic, outputs: int) -> Array:
    """The bound of level R, (B, Hq, R, Dv), for some rows of a tensor of so many outputs. NaN or infinite where none exists."""
    return concentrated(facts, weights, arithmetic, outputs, gamma)


def concentrated(
    facts: Facts, weights: Weights, arithmetic: Arithmetic, outputs: int, rounded: Callable[[Any, float], Any]
) -> Array:
    """The bound above, with `rounded(n, u)` for what n roundings can do together."""
    u, keys = arithmetic.u_acc, max(facts.scores.shape[-1], 1)
    # Half of the probability goes to the errors of the weights, half to the partial sums.
    sums, partial_sums = deviations(2 * outputs), deviations(2 * outputs * keys)
    rounding = ROUNDOFF[arithmetic.stored_weights] if arithmetic.stored_weights else 0.0
    on_weights = compounded((1, rounding), (2, arithmetic.u_operand))
    early = arithmetic.weights_rounded != "before" or merges(facts, arithmetic)
    wrong, right = _roots(facts, weights, on_weights)

    on_each = weights.rescalings + 1 + DIVIDE * (1 + early) + 2 * (facts.share is not None) + facts.values_descaled
    added = rounded(np.maximum(facts.count - 1, 0), u)
    size = facts.size + np.sqrt(facts.count) * wrong
    accumulated = added * partial_sums * (right + wrong) + (1 + added) * rounded(on_each, u) * size

    common = rounding if row_sums(arithmetic)[-1] else 0.0
    lost_sum = weights.lost_rounded if common else weights.lost_sum
    summed = rounded(facts.count + weights.rescalings + (facts.sink is not None), u)
    kept = np.maximum(weights.kept * (1 - common) - lost_sum, 0.0) * np.maximum(1 - summed, 0.0)
    row_sum = np.minimum(weights.mean, 1.0) + common + summed + lost_sum
    floor = arithmetic.least * (facts.count + on_each)
    quantised = block_values(facts, arithmetic)
    return np.asarray((sums * wrong + accumulated + np.abs(facts.out) * row_sum + floor + quantised) / kept)


def _roots(facts: Facts, weights: Weights, rounding: float) -> tuple[Array, Array]:
    """sqrt(Σ W² v²) and sqrt(Σ p² v²), (B, Hq, R, Dv), with W = p(K + rounding·(1+K)) and what underflows."""
    p, w = facts.weights, weights.grown * (1 + rounding)
    if rounding:
        w += p * rounding
    if weights.lost is not None:
        w += weights.lost
    largest, squares = facts.columns.largest or 1.0, facts.columns.squares

    def root(shares: Array) -> Array:
        return np.asarray(largest * (np.sqrt(np.multiply(shares, shares, out=w) @ squares) + SMALLEST))

    if facts.share is None:
        return root(w), root(p)
    return root(w * facts.share), root(p * facts.share)
