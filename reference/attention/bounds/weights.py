"""Error of the unnormalised weights: computed ŵ_j = w_j(1+κ_j) with |κ_j| ≤ K_j, up to what underflows.

K_j = exp(Δ_j)(1 + u_exp)^(1+T) − 1: the score's error, one exponential, and T rescalings that multiply the key's weight by
another exponential. With Λ_j = Δ_j − (1+T)·log(1 − u_exp) every 1+κ_j lies in [exp(−Λ_j), exp(Λ_j)], so the row sum is at least
Dn = Σ p_j exp(−Λ_j) times the exact one. Whatever Δ does, the row's own maximum has the weight exp(0), so the computed row
sum is also at least (1 − u_exp)^(1+T), but for the rounding of m: what underflow takes is measured against that.

T. Rescaling happens between tiles, when the maximum of a tile passes that of all tiles before. A key is rescaled at most once
for each tile after its own, and once for each other key seen. Read from one end, the maximum can only change at a key whose
computed score may pass all before it; near-ties count, because computed scores may be ordered otherwise than exact ones. A
split begins in the middle of a row, where records are others, so this last count serves only rows that are not split.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, SMALLEST_NORMAL, Arithmetic
from ...roundoff import MAXIMUM, lost_below
from .facts import Facts
from .logits import Logits, merges
from .records import most_records

__all__ = ["Weights", "weight_errors"]

Array = NDArray[Any]

STEEP = 30.0
"""From this Λ on, exp(2Λ) is joined with the weight before it is taken, lest 0·∞ appear."""


@dataclass(eq=False, slots=True)
class Weights:
    """Sums over the keys and the sink, (B, Hq, R, 1): mean Σ pK, square Σ pK², kept Dn, largest max Λ, rescalings T.

    least_sum: what the row sum is at least, in the units of `lost`, (B, Hq, R, 1).
    grown: pK (B, Hq, R, Sk). lost: what underflows of weights that meet V, relative to the row sum, (B, Hq, R, Sk), None for
    nothing. lost_sum, lost_rounded: the same summed over a row, of what also leaves the row sum, taken from unrounded or from
    rounded weights; 0.0 for nothing.
    """

    mean: Array
    square: Array
    kept: Array
    largest: Array
    rescalings: Array
    least_sum: Array
    grown: Array
    lost: Array | None
    lost_sum: Array | float
    lost_rounded: Array | float


def weight_errors(facts: Facts, logits: Logits, arithmetic: Arithmetic) -> Weights:
    """K, Dn, T and underflow for one arithmetic."""
    times = _rescalings(facts, logits, arithmetic)
    exponentials = (1 + times) * -math.log1p(-arithmetic.u_exp)
    reach = logits.delta + exponentials
    largest = np.max(reach, axis=-1, keepdims=True, initial=0.0)
    p = facts.weights
    if np.max(largest, initial=0.0) < STEEP:
        relative = np.expm1(reach)
        kept = np.vecdot(p, np.exp(np.negative(reach, out=reach), out=reach))[..., None]
        grown = np.multiply(p, relative, out=reach)
        square = np.vecdot(grown, relative)[..., None]
    else:
        grown, square, kept = _steep(facts, reach)
    mean = grown.sum(-1, keepdims=True)
    if facts.sink is not None and logits.sink is not None:
        reach_sink = logits.sink + exponentials
        relative, weight = np.expm1(reach_sink), facts.sink.weight
        mean, kept = mean + weight * relative, kept + weight / (relative + 1)
        square = square + weight * relative * relative
        largest = np.maximum(largest, reach_sink)
    lost, lost_sum, lost_rounded = _underflow(facts, grown, arithmetic)
    unit = 1 / facts.total if arithmetic.weights_rounded == "before" else 1.0
    fused = MAXIMUM * arithmetic.u_acc * (np.abs(facts.top) + logits.shift)
    least_sum = np.maximum(kept, np.exp(-exponentials - fused) * unit)
    return Weights(mean, square, kept, largest, times, least_sum, grown, lost, lost_sum, lost_rounded)


def _rescalings(facts: Facts, logits: Logits, arithmetic: Arithmetic) -> Array:
    keys = facts.scores.shape[-1]
    times = np.minimum(max(-(-keys // arithmetic.tile) - 1, 0), np.maximum(facts.count - 1, 0))
    if arithmetic.splits <= 1 and np.max(times, initial=0.0) > 2:
        records = most_records(facts.scores, logits.first, facts.seen)
        times = np.minimum(times, np.maximum(records - 1, 0))
    return np.asarray(times + 2.0 * merges(facts, arithmetic))


def _steep(facts: Facts, reach: Array) -> tuple[Array, Array, Array]:
    """pK, Σ pK² and Σ p exp(−Λ) where Λ is large: p·exp(Λ) as one exponential, so that a weight of 0 stays harmless."""
    p, is_steep = facts.weights, reach >= STEEP
    logarithm = facts.scores - facts.lse
    if facts.seen is not None:
        logarithm = np.where(facts.seen, logarithm, -np.inf)
    relative = np.expm1(np.where(is_steep, 0.0, reach))
    grown = np.where(is_steep, np.exp(logarithm + reach), p * relative)
    squares = np.where(is_steep, np.exp(logarithm + 2 * reach), grown * relative)
    return grown, squares.sum(-1, keepdims=True), (p * np.exp(-reach)).sum(-1, keepdims=True)


def _underflow(facts: Facts, grown: Array, arithmetic: Arithmetic) -> tuple[Array | None, Array | float, Array | float]:
    """What is lost of weights below the smallest normal number, whole where exp flushes, else half a subnormal.

    Weights that are rounded before normalisation are up to L times larger than p, so less of them underflows, and a scale that
    they are given beforehand makes them larger again. Under a running maximum they are larger still, and rescaling only
    shrinks the loss.
    """
    flush = 2 * arithmetic.least
    stored = arithmetic.stored_weights
    normal, eta = (x / arithmetic.weights_scale for x in lost_below(stored, arithmetic.least)) if stored else (flush, flush)
    lowest = -np.max(facts.distance, initial=0.0) - math.log(max(np.max(facts.total, initial=1.0), 1.0))
    if lowest > math.log(2 * max(normal, flush)):
        return None, 0.0, 0.0
    weight = facts.weights + grown
    flushed = np.where(facts.weights < flush, np.minimum(weight, flush), 0.0)
    flushed_sum = flushed.sum(-1, keepdims=True)
    if not stored or (ROUNDOFF[stored] <= arithmetic.u_acc and SMALLEST_NORMAL[stored] <= arithmetic.least):
        return flushed, flushed_sum, flushed_sum
    unit = 1 / facts.total if arithmetic.weights_rounded == "before" else 1.0
    rounded = np.where(facts.weights < normal * unit, np.minimum(weight, eta * unit), 0.0)
    lost = flushed + rounded
    return lost, flushed_sum, lost.sum(-1, keepdims=True)
