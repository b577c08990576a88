"""Flat rows: where every sum is exact, so that a correct kernel has no room for an error at all.

A row is flat when its largest score is exactly 0, n keys share it, and every other key that it sees lies so far below that
its weight is nothing. Then o = (v_1 + … + v_n)/n, the logsumexp is log n, and theorem D, which reckons with n roundings
that do not happen, says far too little. Suppose exp(0) = 1 + ε with |ε| ≤ z, z a declared fact that is 0 for most kernels,
and let the values be whole multiples of a step, with Σ|v| ≤ step/u. Then

- every partial sum of values is a multiple of the step below step/u, and so is exact, in any order;
- weights of 1 are exact in every dtype; where z ≤ u_p/2, rounding makes them exactly 1 again;
- a row sum of ones is exact; dividing by it is exact where n is a power of two, be it before V or after;
- rescaling multiplies by exp(0), or takes away what weighs nothing;
- scales that are powers of two, of weights or of values, change nothing of this.

So for z = 0 and n a power of two the output is exact. With z > 0 the row sum errs by (1+z)(1+γ_n) − 1, which the quotient
inherits. Parts that are merged by their logsumexp have shares that err by twice the error σ of such a logsumexp and its
exponential; one key alone has the logsumexp 0 and the share 1. For other n the quotient is rounded, and theorem D stands.

With n = 1 the values may be anything: one term is not a sum. A single largest score need not come out as exactly 0 either,
because it is its own maximum; it must only be small, lest the fused form exp2(s·c − m·c) leave a remainder that exp sees.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, SMALLEST_SUBNORMAL, Arithmetic
from ...roundoff import DIVIDE, compounded, gamma
from ..inputs import Inputs, descaled, read
from ..textbook import Attended
from .facts import Facts, facts_of
from .logits import Logits, block_errors, logit_errors, merges
from .output import block_values, row_sums

__all__ = ["flat_bounds"]

Array = NDArray[Any]

LOST = 110.0
"""exp(−LOST) is less than half the smallest subnormal number of float32."""

SMALL = 0.25
"""Up to this score the remainder of s·c − round(s·c) is less than a quarter of the roundoff."""


def flat_bounds(
    q: Any, k: Any, v: Any, *, attended: Attended, arithmetic: Arithmetic, dtype: str, **options: Any
) -> tuple[Array, Array]:
    """How far output (B, Hq, Sq, Dv) and logsumexp (B, Hq, Sq) may lie from exact in flat rows; inf in all others.

    attended: what the reference answers. dtype: of the inputs. options: as `textbook.attention` takes them.
    """
    given = read(q, k, v, **options)
    exact_descale = given.v_descale is None or bool((np.frexp(given.v_descale)[0] == 0.5).all())
    out, lse = np.full(attended.out.shape, np.inf), np.full(attended.lse.shape, np.inf)
    others = (given.bias, given.alibi_slopes, given.softcap, given.sinks, given.dropout_keep)
    if any(other is not None for other in others) or not (attended.visible & (attended.scores == 0)).any():
        return out, lse
    with np.errstate(all="ignore"):
        facts, given = facts_of(given, attended), descaled(given)
        logits = logit_errors(facts, arithmetic, dtype)
        top = attended.visible & (attended.scores == 0)
        count = top.sum(-1, keepdims=True).astype(np.float64)
        whole = _untouched(facts, top, arithmetic, dtype)
        flat = _is_flat(facts, logits, attended, top, count) & (whole | (count == 1))
        row_sum = _row_sum(count, arithmetic)
        merged = _merged(count, facts, row_sum, arithmetic)
        size, steady = _sums(given, top, count, arithmetic)
        power = np.frexp(np.maximum(count, 1))[0] == 0.5
        bound = _output(facts.out, size, count, row_sum, arithmetic) + 2 * merged / (1 - merged) * size
        if not _fits(given.v, arithmetic):
            bound = bound + compounded((2, arithmetic.u_operand)) * size
        bound = bound + block_values(facts, arithmetic)
        bound = bound + (arithmetic.least + np.exp(-LOST)) * _visible_sums(given, attended)
        out = np.where(flat & power & steady & exact_descale & _stays(count, arithmetic), bound, np.inf)
        lse = np.where(flat, _logsumexp(given, facts, logits, top, count, row_sum, whole, arithmetic) + 2 * merged, np.inf)[
            ..., 0
        ]
    return np.where(np.isnan(out), np.inf, out), np.where(np.isnan(lse), np.inf, lse)


def _is_flat(facts: Facts, logits: Logits, attended: Attended, top: Array, count: Array) -> Array:
    """Rows whose largest score is 0, computed alike for all keys that share it, with nothing that counts below."""
    far = attended.visible & ~top
    lost = np.where(far, facts.scores + logits.first, -np.inf).max(-1, keepdims=True, initial=-np.inf) <= -LOST
    products = np.where(top, facts.products, 0.0).max(-1, keepdims=True, initial=0.0)
    error = np.where(top, logits.first, 0.0).max(-1, keepdims=True, initial=0.0)
    alike = np.where(count == 1, error <= SMALL, products == 0)
    return np.asarray((facts.best == 0) & (count > 0) & lost & alike)


def _untouched(facts: Facts, top: Array, arithmetic: Arithmetic, dtype: str) -> Array:
    """Rows whose largest scores are all 0 even where operands are quantised in blocks: then a score of 0 need not stay 0."""
    if not arithmetic.u_block:
        return np.ones((*top.shape[:-1], 1), dtype=bool)
    moved = np.where(top, block_errors(facts, arithmetic, dtype), 0.0)
    return np.asarray(moved.max(-1, keepdims=True, initial=0.0) == 0)


def _stays(count: Array, arithmetic: Arithmetic) -> Array:
    """Whether a weight of 1/count, rounded after normalisation, does not underflow; powers of two are exact down to there."""
    if arithmetic.weights_rounded == "before" or not arithmetic.stored_weights:
        return np.ones_like(count, dtype=bool)
    least = max(SMALLEST_SUBNORMAL[arithmetic.stored_weights], arithmetic.least)
    return np.asarray(count * least <= arithmetic.weights_scale)


def _row_sum(count: Array, arithmetic: Arithmetic) -> Array:
    """Relative error of a row sum of ones."""
    z = arithmetic.exp_zero
    if z == 0:
        return np.where(count * arithmetic.u_acc <= 1, 0.0, np.inf)
    return np.asarray((1 + z) * (1 + gamma(count, arithmetic.u_acc)) - 1)


def _merged(count: Array, facts: Facts, row_sum: Array, arithmetic: Arithmetic) -> Array:
    """σ: relative error of the share exp(lse) of a part; 0 where nothing is merged."""
    if not merges(facts, arithmetic):
        return np.zeros_like(count)
    size = np.log(np.maximum(count, 1)) + abs(math.log(arithmetic.weights_scale))
    sigma = row_sum + arithmetic.u_log * np.maximum(1, size) + 2 * arithmetic.u_exp + arithmetic.u_acc * (8 + 4 * size)
    alone = (size == 0) & (arithmetic.exp_zero == 0)
    return np.where(alone, 0.0, sigma + np.where(count > 1, compounded((DIVIDE, arithmetic.u_acc)), 0.0))


def _sums(given: Inputs, top: Array, count: Array, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """Σ|v|/n over the keys that count, (B, Hq, R, Dv), and whether all sums of their values are exact."""
    value = np.repeat(given.v, given.q.shape[1] // given.k.shape[1], axis=1)
    finite = np.isfinite(value).all()
    total = top.astype(np.float64) @ np.abs(np.where(np.isfinite(value), value, 0.0))
    step = _lowest(value).min(axis=2, keepdims=True, initial=np.inf)
    steady = (count <= 1) | ((total * arithmetic.u_acc <= step) & _fits(given.v, arithmetic))
    return total / np.maximum(count, 1), np.asarray(steady & finite)


def _lowest(x: Array) -> Array:
    """The largest power of two of which a number is a whole multiple; inf for 0."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(x), x, 0.0))
    digits = np.abs(mantissa * 2.0**53).astype(np.int64)
    lowest = np.ldexp((digits & -digits).astype(np.float64), exponent - 53)
    return np.where(lowest == 0, np.inf, lowest)


def _fits(x: Array, arithmetic: Arithmetic) -> bool:
    """Whether the numbers pass unrounded through a multiplier that reads fewer bits of its operands."""
    return arithmetic.u_operand == 0 or bool((np.abs(x) * arithmetic.u_operand <= _lowest(x)).all())


def _visible_sums(given: Inputs, attended: Attended) -> Array:
    value = np.repeat(np.abs(given.v), given.q.shape[1] // given.k.shape[1], axis=1)
    return attended.visible.astype(np.float64) @ np.where(np.isfinite(value), value, 0.0)


def _output(exact: Array, size: Array, count: Array, row_sum: Array, arithmetic: Arithmetic) -> Array:
    """The bound for n a power of two and one part. exp(0) = 1 leaves nothing; else both orders of rounding are allowed for."""
    u, z = arithmetic.u_acc, arithmetic.exp_zero
    if z == 0:
        return np.zeros_like(exact)
    stored = ROUNDOFF[arithmetic.stored_weights] if arithmetic.stored_weights else 0.0
    quotient = compounded((DIVIDE, u))
    sums = (1 + z) * (1 + stored) * (1 + gamma(count + 1, u)) - 1
    before = 0.0 if z <= stored / 2 else sums
    bounds = [(np.abs(exact) * (row_sum + quotient) + size * before) / (1 - row_sum)]
    if arithmetic.weights_rounded != "before":
        relative = (1 + z) / (1 - row_sum) * (1 + quotient) - 1
        bounds.append(size * np.where(relative <= stored / 2, 0.0, (1 + relative) * (1 + sums) - 1))
    if True in row_sums(arithmetic) and before:
        bounds = [bound + np.abs(exact) * stored / (1 - row_sum) for bound in bounds]
    largest: Array = np.maximum.reduce(bounds)
    return largest


def _logsumexp(
    given: Inputs, facts: Facts, logits: Logits, top: Array, count: Array, row_sum: Array, whole: Array, arithmetic: Arithmetic
) -> Array:
    """|lse − log n|: the score itself, the row sum, its logarithm. whole: rows that quantising in blocks leaves as they are."""
    error = np.where(top, logits.first, 0.0).max(-1, keepdims=True, initial=0.0)
    # Products of whole numbers add up exactly, unless an operand was scaled and rounded before.
    numbers = arithmetic.n_pre == 0 and all((x == np.rint(x)).all() and _fits(x, arithmetic) for x in (given.q, given.k))
    exact = numbers & (np.where(top, facts.products, 0.0).max(-1, keepdims=True) * arithmetic.u_acc <= 1)
    nothing = np.where(top, facts.products, 0.0).max(-1, keepdims=True) == 0
    score = np.where((exact | nothing) & whole, 0.0, error)
    size = np.log(np.maximum(count, 1)) + abs(math.log(arithmetic.weights_scale))
    certain = (size == 0) & (arithmetic.exp_zero == 0)
    logarithm = np.where(certain, 0.0, arithmetic.u_log * np.maximum(1, size) + arithmetic.u_acc * 6 * size)
    taken = score * (1 + 8 * arithmetic.u_acc) + 4 * arithmetic.u_acc * score
    return np.asarray(taken - np.log1p(-np.minimum(row_sum, 1)) + logarithm + arithmetic.least + np.exp(-LOST))
