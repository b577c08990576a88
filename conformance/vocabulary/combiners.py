"""Arithmetic on values, each with its interval."""

from __future__ import annotations

import numpy as np

from ..bounded import Bounded, bounded, from_ends
from .word import Pair, Value, word


@word("combiners")
def merge(a: Pair, b: Pair) -> Pair:
    """Two partial results over disjoint keys joined by their logsumexps (FlashAttention, Dao et al. 2022, section 3.1).

    out = (exp(lse_a)·out_a + exp(lse_b)·out_b) / (exp(lse_a) + exp(lse_b)); a part that saw no key has no weight.
    """
    with np.errstate(all="ignore"):
        share = _share(a.lse.value, b.lse.value)
        low, high = _share(a.lse.low, b.lse.high), _share(a.lse.high, b.lse.low)
    slack = 8 * np.finfo(np.float64).eps
    # A part that saw no key has exactly no share, and what it holds (NaN, by one convention) is never looked at.
    low = np.where((low > 0) & (low < 1), np.maximum(low - slack, 0), low)
    high = np.where((high > 0) & (high < 1), np.minimum(high + slack, 1), high)
    shares = low, high
    ends = [(_blend(t, a.out.low, b.out.low), _blend(t, a.out.high, b.out.high)) for t in shares]
    out = from_ends(
        _blend(share, a.out.value, b.out.value), np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
    )
    return Pair(out, bounded(log_sum(a.lse, b.lse)))


def _share(lse_a: np.ndarray, lse_b: np.ndarray) -> np.ndarray:
    """exp(lse_a) / (exp(lse_a) + exp(lse_b)), 1/2 where both are −inf."""
    both_empty = np.isneginf(lse_a) & np.isneginf(lse_b)
    return np.where(both_empty, 0.5, 1 / (1 + np.exp(np.where(both_empty, 0.0, lse_b - lse_a))))


def _blend(share: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """share·a + (1 − share)·b; a part without a share contributes nothing, even where it is NaN."""
    t = share[..., None]
    with np.errstate(invalid="ignore"):
        return np.where(t > 0, t * np.where(t > 0, a, 0), 0) + np.where(t < 1, (1 - t) * np.where(t < 1, b, 0), 0)


@word("combiners")
def log_sum(a: Value, b: Value) -> Value:
    """log(exp(a) + exp(b)), computed without overflow."""
    x, y = bounded(a), bounded(b)
    slack = 8 * np.finfo(np.float64).eps
    with np.errstate(all="ignore"):
        low, high = np.logaddexp(x.low, y.low), np.logaddexp(x.high, y.high)
        value = np.logaddexp(x.value, y.value)
        return from_ends(value, low - slack * (np.abs(low) + 1), high + slack * (np.abs(high) + 1))


@word("combiners")
def stack_rows(a: Value, b: Value) -> Value:
    """Results of two chunks of queries, one below the other."""
    x, y = bounded(a), bounded(b)
    value, low, high = (np.concatenate(pair, axis=2) for pair in ((x.value, y.value), (x.low, y.low), (x.high, y.high)))
    return Bounded(value, low, high)


@word("combiners")
def sum_features(x: Value) -> Value:
    """The sum over the last axis of queries, (B, Hq, Sq, D) to (B, Hq, Sq)."""
    each = bounded(x)
    slack = each.shape[-1] * np.finfo(np.float64).eps * np.abs(each.value).sum(-1)
    return from_ends(each.value.sum(-1), each.low.sum(-1) - slack, each.high.sum(-1) + slack)


@word("combiners")
def per_row(x: Value) -> Value:
    """A value a row, (B, Hq, Sq), made ready to meet an output, (B, Hq, Sq, 1)."""
    return bounded(x).each(lambda a: a[..., None])


@word("combiners")
def exp(x: Value) -> Value:
    """The exponential."""
    return bounded(x).increasing(np.exp)


@word("combiners")
def log(x: Value) -> Value:
    """The natural logarithm; −inf at 0."""
    return bounded(x).increasing(np.log)


@word("combiners")
def sqrt(x: Value) -> Value:
    """The square root."""
    return bounded(x).increasing(np.sqrt)


@word("combiners")
def positive(x: Value) -> Value:
    """1 where x is greater than 0, 0 elsewhere."""
    return bounded(bounded(x).value > 0)


@word("combiners")
def finite(x: Value) -> Value:
    """1 where x is finite, 0 where it is NaN or infinite."""
    each = bounded(x)
    known = ~(np.isneginf(each.low) & np.isposinf(each.high))  # Where the declared arithmetic overflows, it is not.
    value = np.isfinite(each.value).astype(np.float64)
    return Bounded(value, np.where(known, value, -np.inf), np.where(known, value, np.inf))


@word("combiners")
def even_keys(x: Value) -> Value:
    """Values with every key at an odd position set to 0, (B, Hkv, Sk, Dv)."""
    return bounded(x).each(lambda a: a * (np.arange(a.shape[2]) % 2 == 0)[:, None])


@word("combiners")
def odd_keys(x: Value) -> Value:
    """Values with every key at an even position set to 0, (B, Hkv, Sk, Dv)."""
    return bounded(x).each(lambda a: a * (np.arange(a.shape[2]) % 2 == 1)[:, None])


@word("combiners")
def odds(x: Value) -> Value:
    """The weight of the second key over the weight of the first, (B, Hq, Sq)."""
    w = bounded(x)
    return w.each(lambda a: a[..., 1]) / w.each(lambda a: a[..., 0])
