"""Theorem D: how far a computed output may lie from the exact one, before it is rounded to the output dtype.

Write ô = (o′ + e)(1+δ)/(1+μ). Here o′ is the exact output for the weights p′_j ∝ p_j(1+κ_j); e is what the numerator alone
suffers; μ is the error of the row sum, one number with |μ| ≤ M = γ_{n+T} because all its terms are positive; δ, |δ| ≤ g, is the
division. Then

    |ô − o| ≤ [ (E1 + E2)(1+g) + |o|(M+g) ] / (1−M),

    E1 ≥ |o′ − o|: by the identity of this package o′ − o = Σ p_j κ_j (v_j − o) / (1 + Σ p_j κ_j), so by Cauchy and Schwarz in
    the measure p it is at most sqrt(Σ pK²)·sqrt(Σ p(v−o)²)/Dn. Both o and o′ are means of values, so it never exceeds
    max(o − min v, max v − o). And weights that change by factors in [exp(−Λ), exp(Λ)] move at most tanh(Λ/2) of their mass
    (Birkhoff's contraction in Hilbert's metric), so neither does it exceed tanh(Λ/2)·(max v − min v).

    E2 ≥ |e|: each term of the numerator is rounded as a weight (u_p, unless the row sum shares it), as a product, in at most
    n−1 additions and T rescalings, and, where it is divided before it meets V, in the division. That is N times the mean
    of |v|, plus what underflows. A descale of the values is one more rounding, of each value or at the end.

Under dropout v_j stands for keep_j·v_j/(1−p). A sink is a key with v = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, Arithmetic
from ...roundoff import DIVIDE, compounded, gamma
from .facts import Facts
from .logits import merges
from .weights import Weights

__all__ = ["block_values", "output_bound", "row_sums"]

Array = NDArray[Any]

TIGHT = 0.25
"""Up to this relative error of the weights the first entry of E1 is the least, and the hull of V need not be looked for."""

ENTRIES = 1 << 20
"""Values that are searched for the hull at once."""


def row_sums(arithmetic: Arithmetic) -> tuple[bool, ...]:
    """For each way in which the row sum may be taken: whether it is from rounded weights."""
    if not arithmetic.stored_weights:
        return (False,)
    return {"unrounded": (False,), "rounded": (True,), "either": (False, True)}[arithmetic.row_sum_from]


def output_bound(facts: Facts, weights: Weights, arithmetic: Arithmetic) -> Array:
    """E of Theorem D, (B, Hq, R, Dv). NaN where no bound exists."""
    u = arithmetic.u_acc
    rounding = ROUNDOFF[arithmetic.stored_weights] if arithmetic.stored_weights else 0.0
    additions = facts.count + weights.rescalings
    row_sum = gamma(additions + (facts.sink is not None), u)
    divide = compounded((DIVIDE + facts.values_descaled, u))
    early = arithmetic.weights_rounded != "before" or merges(facts, arithmetic)
    extra = 1 + DIVIDE * early + 2 * (facts.share is not None) + facts.values_descaled
    operands = compounded((2, arithmetic.u_operand))
    accumulated = operands + (1 + operands) * gamma(additions + extra, u)

    through_v = weights.grown if facts.share is None else weights.grown * facts.share
    size = facts.size + through_v @ facts.values
    lost = 0.0 if weights.lost is None else _shared(weights.lost, facts.share) @ facts.values
    floor = arithmetic.least * (additions + extra + DIVIDE)
    hull = _hull(facts) if np.max(weights.square, initial=0.0) > TIGHT**2 else None

    bounds = []
    for rounded in row_sums(arithmetic):
        common = rounding if rounded else 0.0
        square = weights.square
        if common:  # K + u_p(1 + K) instead of K
            grown = weights.mean + weights.square
            square = square + 2 * common * grown + common**2 * (1 + weights.mean + grown)
        lost_sum = weights.lost_rounded if rounded else weights.lost_sum
        kept = np.maximum(weights.kept * (1 - common) - lost_sum, 0.0)
        spread = np.sqrt(square) * facts.spread / kept
        size_kept = size * (1 + common) / kept
        if hull is not None:
            low, high = hull
            spread = np.fmin(spread, np.maximum(facts.out - low, high - facts.out))
            spread = np.fmin(spread, np.tanh((weights.largest - np.log1p(-common)) / 2) * (high - low))
            size_kept = np.fmin(size_kept, np.maximum(np.abs(low), np.abs(high)))
        one_sided = accumulated if rounded else rounding + (1 + rounding) * accumulated
        own = one_sided * size_kept + (lost + np.abs(facts.out) * lost_sum + floor) / (weights.least_sum * (1 - common))
        bounds.append((spread + own + block_values(facts, arithmetic)) * (1 + divide) + np.abs(facts.out) * (row_sum + divide))
    bound = bounds[0] if len(bounds) == 1 else np.maximum(bounds[0], bounds[1])
    return np.asarray(np.where(row_sum < 1, bound / (1 - row_sum), np.inf))


def block_values(facts: Facts, arithmetic: Arithmetic) -> float:
    """What quantising values in blocks does to a mean of them: u·max|v|, with as much again for what else rounds it."""
    if not arithmetic.u_block_values:
        return 0.0
    share = 1.0 if facts.share is None else float(np.max(facts.share, initial=1.0))
    return 2 * share * arithmetic.u_block_values * (facts.columns.largest if facts.columns.finite is None else np.inf)


def _shared(weights: Array, share: Array | None) -> Array:
    return weights if share is None else weights * share


def _hull(facts: Facts) -> tuple[Array, Array]:
    """Least and largest value that each row sees, (B, Hq, R, Dv), a sink and a dropped key counting as 0."""
    low, high = np.empty_like(facts.out), np.empty_like(facts.out)
    values = facts.signed
    batch, heads, rows, width = facts.out.shape
    step = max(1, ENTRIES // max(1, values.shape[2] * width))
    for b, h in np.ndindex(batch, heads):
        for start in range(0, rows, step):
            at = slice(start, start + step)
            each = values[b, h]
            if facts.share is not None:
                each = facts.share[b, h, at, :, None] * each
            hidden = True if facts.seen is None else (facts.seen[b, h, at] | facts.empty[b, h, at])[:, :, None]
            each = np.broadcast_to(each, (low[b, h, at].shape[0], *values.shape[2:]))
            low[b, h, at] = np.min(each, axis=1, where=hidden, initial=np.inf)
            high[b, h, at] = np.max(each, axis=1, where=hidden, initial=-np.inf)
    if facts.sink is not None:
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    return low, high
