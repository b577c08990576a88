"""Error of a computed score, from q·k up to where the exponential takes it: Δ = D1 + D2.

D1, the score itself. In a dot product of D terms, summed in any order, each term passes at most D roundings, so the error is at
most γ_D·Σ|q_d||k_d| (Higham, section 3.1), and every further operation on it adds one rounding. With |q|·|k| instead of
|s| this holds under any cancellation.

D2, its way into the exponential. Subtracting the computed maximum is an exact shift that all keys share; what counts is how
that shift is rounded. The subtraction errs by u·|s − m|. An online softmax takes s − m_t for the maximum m_t so far and then
rescales by exp(m_t − m_t′), again and again, but those exponents only climb from m_t to m: together they are m − s. The fused
form rounds s·c and m_t·c, and |m_t| ≤ |m| + (m − s), because m_t lies between s and m. All this per key: a key that a finite
"minus infinity" masks has a huge Δ and no weight, and must not widen the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import LARGEST, ROUNDOFF, SMALLEST_NORMAL, Arithmetic
from ...roundoff import DISTANCE, MAXIMUM, SCALE, compounded, gamma, lost_below
from .facts import Facts

__all__ = ["Logits", "block_errors", "logit_errors", "merges", "product_errors"]

Array = NDArray[Any]


@dataclass(eq=False, slots=True)
class Logits:
    """first: D1 and delta: Δ, (B, Hq, R, Sk), of no meaning where hidden. sink: Δ of the sink, None without.

    shift: error of the row's computed maximum, (B, Hq, R, 1). overflow: bool, rows whose scores may not fit, None for none.
    """

    first: Array
    delta: Array
    sink: Array | None
    shift: Array
    overflow: Array | None


def merges(facts: Facts, arithmetic: Arithmetic) -> bool:
    """Whether parts of a row may be merged by their logsumexp: splits, and a sink that is joined at the end."""
    return arithmetic.splits > 1 or facts.sink is not None


def logit_errors(facts: Facts, arithmetic: Arithmetic, dtype: str) -> Logits:
    """Δ for one arithmetic. dtype: of q and k, for operands that are scaled and rounded again."""
    u = arithmetic.u_acc
    first = _stage_scores(facts, arithmetic, dtype)
    shift = np.max(first, axis=-1, keepdims=True, initial=0.0)
    if np.max(shift, initial=0.0) > 1:
        # With errors this large the one of the maximum is that of the few keys that can be the maximum.
        above = np.max(facts.scores + first, axis=-1, keepdims=True, initial=-np.inf) - facts.best
        below = facts.best - np.max(facts.scores - first, axis=-1, keepdims=True, initial=-np.inf)
        shift = np.minimum(shift, np.maximum(above, below))
    sink: Array | None = None
    if facts.sink is not None:
        stored = ROUNDOFF[arithmetic.stored_scores] if arithmetic.stored_scores else 0.0
        sink = compounded((SCALE, u), (1, stored)) * facts.sink.size
        shift = np.maximum(shift, sink)
    # A scale of the weights may be added to the exponent, and so to m.
    top = np.abs(facts.top) + abs(math.log(arithmetic.weights_scale))
    per_row = u * ((2 * DISTANCE + MAXIMUM) * shift + MAXIMUM * top)
    per_distance = u * (DISTANCE + MAXIMUM)
    if merges(facts, arithmetic):
        # The logsumexp of a part lies between the key's score and m + log n; its logarithm, sum and difference are rounded.
        log_count = np.log(np.maximum(facts.count, 1)) + abs(math.log(arithmetic.weights_scale))
        per_row = per_row + 4 * u * (np.abs(facts.top) + shift + log_count) + arithmetic.u_log * np.maximum(1, log_count)
        per_distance += 4 * u
    delta = per_distance * facts.distance
    delta += first
    delta += per_row
    if facts.sink is not None and sink is not None:
        sink = sink + per_distance * facts.sink.distance + per_row
    return Logits(first, delta, sink, shift, _overflow(facts, arithmetic, first, shift))


def _stage_scores(facts: Facts, arithmetic: Arithmetic, dtype: str) -> Array:
    """D1, stage by stage in the order of the definition: scaled product, softcap, bias and ALiBi."""
    u, stored = arithmetic.u_acc, arithmetic.stored_scores
    added = (facts.bias is not None) + (facts.alibi is not None)
    error = product_errors(facts, arithmetic, dtype)
    if facts.softcap is not None:
        error = _softcap(error, facts, arithmetic)
    if facts.bias is not None:
        error += compounded((2 + added, u)) * facts.bias
    if facts.alibi is not None:
        error += compounded((3 + added, u), (1, ROUNDOFF[stored] if stored else 0.0)) * facts.alibi
    if stored:
        for _ in range(added):
            error = _store(error, np.abs(facts.scores), stored)
    return error


def product_errors(facts: Facts, arithmetic: Arithmetic, dtype: str) -> Array:
    """Error of scale·q·k, which is what softcap is applied to, (B, Hq, R, Sk)."""
    u, u_in, stored = arithmetic.u_acc, ROUNDOFF[dtype], arithmetic.stored_scores
    added = (facts.bias is not None) + (facts.alibi is not None)
    # A descale may be a factor of the scale, whose root is then another number.
    exact_root = facts.descales == 0 and _is_power_of_two(math.sqrt(facts.scale))
    n_pre = 0 if arithmetic.n_pre == 2 and exact_root else arithmetic.n_pre
    dot = float(gamma(facts.features, u))
    growth = compounded((n_pre, u_in), (2, arithmetic.u_operand), (1, dot), (SCALE + added + facts.descales, u))
    error = facts.products * (growth * facts.scale)
    if arithmetic.u_block:
        error += block_errors(facts, arithmetic, dtype) * (facts.scale * (1 + growth))
    flushes = SMALLEST_NORMAL[dtype] <= arithmetic.least
    eta = lost_below(dtype, arithmetic.least)[1] if arithmetic.n_pre or flushes else 0.0
    reach = max(np.max(facts.key_sums, initial=0.0), np.max(facts.query_sums, initial=0.0))
    if arithmetic.n_pre or reach * eta > 1e-20:
        # An operand may underflow, when it is scaled, or when it is read by what flushes subnormals, and takes its share of
        # the other with it.
        lost = eta * max(1.0, facts.scale) * (1 + growth)
        error += lost * (facts.key_sums + facts.query_sums)
        if facts.seen is not None:
            np.copyto(error, 0.0, where=~facts.seen)
    if stored:
        size = _dot_size(facts)
        error = _store(error, size, stored)
        if arithmetic.n_pre == 0 and not (facts.descales == 0 and _is_power_of_two(facts.scale)):
            error = _store(error, size, stored)
    return error


def block_errors(facts: Facts, arithmetic: Arithmetic, dtype: str) -> Array:
    """What quantising in blocks does to q·k, (B, Hq, R, Sk), 0 where hidden: δq·k′ + (q + δq)·δk with |δx| ≤ u·max|x|.

    k′ is k, or what is left of it when the mean of the keys is taken out: then q·mean, a product in the input dtype, comes back
    as a shift, and what rounds an operand relatively rounds k′.
    """
    u, columns = arithmetic.u_block, facts.columns
    key, mean, largest_key = columns.centred
    reach = u * columns.largest_query * (key.sum(-1)[:, :, None, :] + facts.features * u * largest_key)
    error = reach + u * largest_key * facts.query_sums
    error = error + (compounded((2, arithmetic.u_operand)) + ROUNDOFF[dtype]) * facts.query_sums * mean
    return error if facts.seen is None else np.where(facts.seen, error, 0.0)


def _softcap(error: Array, facts: Facts, arithmetic: Arithmetic) -> Array:
    """Through c·tanh(s/c). Its slope is at most 1, so the error passes. tanh adds c·u_tanh, and is granted twice that.

    A relative error of s/c moves the result by at most max(x·sech² x) < 1/2 of c, and never more than |s|.
    """
    cap = float(facts.softcap or 0.0)
    size = np.minimum(facts.products * facts.scale, cap)
    error = error + (2 * cap * arithmetic.u_tanh + 3 * arithmetic.u_acc * size)
    if arithmetic.stored_scores:
        for _ in range(3):  # the quotient, its tanh, the product
            error = _store(error, size, arithmetic.stored_scores, max(cap, 1.0))
    return error


def _store(error: Array, size: Array, dtype: str, unit: float = 1.0) -> Array:
    """The error of values of magnitude `size` that are stored in dtype, in units of `unit`."""
    _, eta = lost_below(dtype, 0.0)
    return np.asarray(error + ROUNDOFF[dtype] * (size + error) + eta * unit)


def _dot_size(facts: Facts) -> Array:
    """|scale·q·k|: the score itself where nothing else was done to it, else a bound on it."""
    if facts.softcap is not None:
        return facts.products * facts.scale
    size = np.abs(facts.scores)
    for other in (facts.bias, facts.alibi):
        if other is not None:
            size = size + other
    return np.minimum(size, facts.products * facts.scale) if facts.bias is not None or facts.alibi is not None else size


ALMOST = 0.9
"""Share of the largest number that an exact sum may have for the computed one to stay below it."""


def _is_power_of_two(x: float) -> bool:
    return x > 0 and math.frexp(x)[0] == 0.5


def _overflow(facts: Facts, arithmetic: Arithmetic, first: Array, shift: Array) -> Array | None:
    """Rows in which a score may pass the largest number of what holds it, so that the declared arithmetic promises nothing.

    A score that may fall below the smallest number only loses its weight, unless the row's maximum does.
    """
    stored = arithmetic.stored_scores
    widest = arithmetic.largest
    highest = np.max(facts.products, initial=0.0) * max(1.0, facts.scale)
    if not stored and highest < 1e-8 * widest and np.max(shift, initial=0.0) < 1e-18 * widest:
        return None
    largest = min(LARGEST[stored], widest) if stored else widest
    if widest < LARGEST["float32"]:
        largest /= 1.5  # a factor log2 e may be multiplied with a score before the maximum is subtracted
    overflow = np.max(facts.scores + first, axis=-1, keepdims=True, initial=-np.inf) >= largest
    overflow |= facts.best - shift <= -largest
    overflow |= np.max(facts.products, axis=-1, keepdims=True, initial=0.0) * max(1.0, facts.scale) >= widest
    if stored:
        raw = _dot_size(facts) + first
        unscaled = 1.0 if arithmetic.n_pre or facts.scale == 0 else min(1.0, facts.scale)
        overflow |= np.max(raw, axis=-1, keepdims=True, initial=0.0) >= largest * unscaled
    if widest < LARGEST["float32"] and arithmetic.weights_rounded != "after":
        # Of weights that are not normalised yet, a sum may be as large as that of all values.
        counted = np.ones_like(facts.scores) if facts.seen is None else facts.seen | facts.empty
        overflow |= np.max(counted @ facts.values, axis=-1, keepdims=True, initial=0.0) >= ALMOST * widest
    return np.asarray(overflow)
