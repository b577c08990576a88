"""From errors of the gradients of scores to those of dq, dk and dv, which are sums of their products with K, Q and dO.

A sum of n products, in any order, errs by what its terms err by, and by γ_n of their absolute values. For dq the error of D is
shared by the row: |Σ_j P κ k_j| counts, and only what weights err by is taken absolutely. Sums over the queries of a group of
heads are one sum. Where dq, dk and dv are gathered in a dtype of few bits, each block adds two roundings: of its own
sum, and of the sum so far. Where each query head's dk and dv are stored before they are added, each is rounded once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import LARGEST, ROUNDOFF, Arithmetic
from ...roundoff import compounded, gamma, lost_below
from .backward_weights import BackwardWeights
from .facts import Facts
from .gradient_scores import ScoreGradients, widest

__all__ = ["Sum", "grouped", "keys_sum", "queries_sum", "settled", "values_sum"]

Array = NDArray[Any]

FINISH = 3
"""Roundings of a gradient beyond those of its sum: each product, and the scale."""


@dataclass(eq=False, slots=True)
class Sum:
    """One gradient before its scale. error: what its terms err by, size: their absolute values summed, both of its shape.

    count: terms that are not 0, broadcastable.
    """

    error: Array
    size: Array
    count: Array

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.error + other.error, self.size + other.size, self.count + other.count)


def queries_sum(found: ScoreGradients, key: Array, lost: float, facts: Facts) -> Sum:
    """dq of some rows, but for the factor 1+ε of each. key: (B, Hq, Sk, D), finite; lost: what underflows of each entry."""
    absolute = np.abs(key)
    common = found.delta * np.abs(found.mean @ key)
    error = (found.error + found.delta * (found.weight - found.mean)) @ absolute + common
    return Sum(error + lost * found.size.sum(-1, keepdims=True), found.size @ absolute, facts.count)


def keys_sum(found: ScoreGradients, weights: BackwardWeights, query: Array, lost: float, facts: Facts) -> Sum:
    """dk of each query head, from some rows. query: (B, Hq, R, D), 0 in rows that see no key; lost: as for `queries_sum`."""
    return _over_rows(found.error + found.delta * found.weight, found.size, found.exact, weights.shared, query, lost, facts)


def values_sum(weights: BackwardWeights, dout: Array, lost: float, facts: Facts) -> Sum:
    """dv of each query head, from some rows. dout: (B, Hq, R, Dv); lost: as for `queries_sum`."""
    return _over_rows(weights.met_wrong, weights.met + weights.met_wrong, weights.met, weights.shared, dout, lost, facts)


def _over_rows(error: Array, size: Array, exact: Array, shared: Array, right: Array, lost: float, facts: Facts) -> Sum:
    absolute = np.abs(right)
    grown = absolute * (1 + shared)
    wrong = error.swapaxes(-1, -2) @ grown + exact.swapaxes(-1, -2) @ (absolute * shared)
    wrong += lost * (size * (1 + shared)).sum(-2)[..., None]
    if facts.seen is None:
        count = np.full((1, 1, 1, 1), float(right.shape[-2]))
    else:
        count = (facts.seen | facts.empty).sum(-2, dtype=np.float64)[..., None]
    return Sum(wrong, size.swapaxes(-1, -2) @ grown, count)


def grouped(each: Sum, hkv: int) -> Sum:
    """The sum over the query heads of each key head."""
    batch, heads, rows, _ = each.error.shape
    count = np.broadcast_to(each.count, (batch, heads, rows, 1))
    total = [x.reshape(batch, hkv, heads // hkv, rows, -1).sum(2) for x in (each.error, each.size, count)]
    return Sum(*total)


def settled(
    sum_: Sum,
    arithmetic: Arithmetic,
    *,
    scale: float = 1.0,
    operands: tuple[float, float] = (0.0, 0.0),
    blocks: int = 1,
) -> Array:
    """The error of a sum times scale. operands: roundings (n, u) that terms bring along, of factors that were narrowed."""
    u = arithmetic.u_acc
    summed = gamma(sum_.count + FINISH, u)
    narrowed = compounded((2, arithmetic.u_operand), operands)
    growth = narrowed + (1 + narrowed) * summed
    error = scale * (sum_.error + growth * sum_.size) + arithmetic.least * max(1.0, scale) * (sum_.count + FINISH)
    size = scale * sum_.size * (1 + growth)
    error = np.where(sum_.size * max(1.0, scale) >= widest(arithmetic), np.inf, error)
    if arithmetic.gradients_in is not None and np.size(error):
        low = arithmetic.gradients_in
        _, lost = lost_below(low, arithmetic.least)
        error = error + gamma(blocks + 1, ROUNDOFF[low]) * size + (blocks + 1) * lost
        error = np.where(size >= LARGEST[low], np.inf, error)
    return np.asarray(error)
