"""Error of the weights that a backward pass works with: P̂_ij = P_ij(1+π_ij)(1+ε_i), one ε for a whole row.

Recomputed, P̂ = exp(ŝ − lse^). π is the score's error D1, the rounding of the difference and of the exponential; ε is the error
of the logsumexp, its rounding where it is stored, and its product with log2 e in the fused form. Saved, P̂ is the weight of the
forward pass: π is K and the division, ε the error of the row sum, which the logsumexp has too; a saved weight is rounded to the
dtype it is stored in. What a row shares counts apart, because it multiplies the row's dq and spoils no cancellation in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, Arithmetic
from ...roundoff import DISTANCE, DIVIDE, MAXIMUM, compounded, lost_below
from .facts import Facts
from .logits import Logits
from .weights import STEEP, Weights

__all__ = ["BackwardWeights", "backward_weights", "lower", "narrowest"]

Array = NDArray[Any]

KEPT = 1
"""Rounding of a logsumexp that is stored."""


@dataclass(eq=False, slots=True)
class BackwardWeights:
    """wrong: |P̂/(1+ε) − P| at most, (B, Hq, R, Sk), of no meaning where hidden. shared: |ε| at most, (B, Hq, R, 1).

    met: P·share, what meets dO, and met_wrong: its error but for ε, with its rounding to the dtype of stored_weights.
    """

    wrong: Array
    shared: Array
    met: Array
    met_wrong: Array


def backward_weights(
    facts: Facts, logits: Logits, weights: Weights, lse_bound: Array, arithmetic: Arithmetic, saved: bool
) -> BackwardWeights:
    """The errors of recomputed or of saved weights. lse_bound: of the forward pass, (B, Hq, R)."""
    p, u = facts.weights, arithmetic.u_acc
    if saved:
        divide = compounded((DIVIDE, u))
        wrong = weights.grown * (1 + divide) + p * divide
    else:
        wrong = _recomputed(facts, logits, arithmetic)
    flush = 2 * arithmetic.least
    wrong = wrong + np.where(p < flush, np.minimum(p + wrong, flush), 0.0)
    shared = np.expm1(lse_bound[..., None] + (MAXIMUM + KEPT) * u * np.abs(facts.lse))
    low = narrowest(arithmetic) if saved else None
    wrong = _rounded(p, wrong, shared, low, arithmetic)
    met, met_wrong = (p, wrong) if facts.share is None else (p * facts.share, wrong * facts.share)
    if facts.share is not None:
        met_wrong = met_wrong + compounded((2, u)) * (met + met_wrong)
        met_wrong = lower(met_wrong, met + met_wrong, low, arithmetic)
    if not saved:
        met_wrong = _rounded(met, met_wrong, shared, arithmetic.stored_weights, arithmetic)
    return BackwardWeights(wrong, shared, met, met_wrong)


def _recomputed(facts: Facts, logits: Logits, arithmetic: Arithmetic) -> Array:
    """P(exp(Π) − 1), as one exponential where Π is large, so that a weight of 0 stays harmless."""
    difference = facts.scores - facts.lse
    reach = DISTANCE * np.abs(difference) + MAXIMUM * np.abs(facts.scores)
    reach *= arithmetic.u_acc
    reach += logits.first
    reach -= math.log1p(-arithmetic.u_exp)
    if np.max(reach, initial=0.0) < STEEP:
        return np.asarray(facts.weights * np.expm1(reach))
    is_steep = reach >= STEEP
    steep = np.where(facts.weights > 0, np.exp(difference + reach), 0.0)
    return np.where(is_steep, steep, facts.weights * np.expm1(np.where(is_steep, 0.0, reach)))


def _rounded(p: Array, wrong: Array, shared: Array, low: str | None, arithmetic: Arithmetic) -> Array:
    """The error of weights that are rounded to a dtype; without that rounding where p is a power of two and every number in its
    reach rounds to it. There a rounding takes errors away and adds none."""
    if low is None:
        return wrong
    reach = (1 + shared) * wrong + shared * p
    normal, _ = lost_below(low, arithmetic.least)
    certain = (np.frexp(p)[0] == 0.5) & (p > 2 * normal) & (reach < ROUNDOFF[low] / 2 * p)
    return np.where(certain, wrong, lower(wrong, p + wrong, low, arithmetic))


def narrowest(arithmetic: Arithmetic) -> str | None:
    """The dtype in which a forward pass saves weights for the backward pass, and in which their gradients come: the less
    precise of that of the scores and that of the weights, None where neither is narrowed."""
    named = [dtype for dtype in (arithmetic.stored_scores, arithmetic.stored_weights) if dtype]
    return max(named, key=ROUNDOFF.__getitem__, default=None)


def lower(error: Array, size: Array, dtype: str | None, arithmetic: Arithmetic, unit: float = 1.0) -> Array:
    """The error of numbers of at most `size` (with their error) that are rounded to a dtype, times `unit` on their way."""
    if dtype is None:
        return error
    normal, eta = lost_below(dtype, arithmetic.least)
    lost = np.where(size * unit < normal, np.minimum(size, eta / unit if unit else np.inf), 0.0)
    return np.asarray(error + ROUNDOFF[dtype] * size + lost)
