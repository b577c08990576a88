"""From scores to weights, logsumexp and output.

A sink is one more logit of the row that has no value: it enters the row's maximum and the row's sum, and nothing else.
A head without a sink has a sink of −inf, so one set of formulas serves both. A row whose sum is 0 is empty: it sees no
key and has no sink.

All arrays are float64: scores and weights (B, Hq, R, Sk), sinks (1, Hq, 1, 1), shift and total (B, Hq, R, 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["drop", "empty_row", "is_empty", "logsumexp", "mix", "normalize", "numerators", "row_sum", "shift"]

Array = NDArray[Any]


def shift(scores: Array, sinks: Array) -> Array:
    """The largest logit of each row, sink included; 0 for a row that has none, so that −inf − shift stays −inf."""
    largest = np.maximum(np.max(scores, axis=-1, keepdims=True, initial=-np.inf), sinks)
    return np.where(largest == -np.inf, 0.0, largest)


def numerators(scores: Array, shift: Array, sinks: Array) -> Array:
    """exp(score − shift). The sink is no numerator; it is there for those who get it wrong."""
    exponentials: Array = np.exp(scores - shift)
    return exponentials


def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
    """The sum of the numerators, plus exp(sink − shift). `visible` is there for those who count hidden keys.

    Source: Xiao et al. 2024 (StreamingLLM), section 3.2, for the sink in the denominator; gpt-oss learns one a head.
    """
    total: Array = numerators.sum(axis=-1, keepdims=True) + np.exp(sinks - shift)
    return total


def normalize(numerators: Array, total: Array) -> Array:
    """Weights: numerators divided by the row's sum, 0 in an empty row."""
    return np.divide(numerators, total, out=np.zeros_like(numerators), where=total != 0)


def logsumexp(shift: Array, total: Array) -> Array:
    """Natural logarithm of the sum of exp over the visible scores and the sink; −inf in an empty row."""
    return shift + np.log(total)


def drop(weights: Array, keep: Array, p: float) -> Array:
    """Inverted dropout: kept weights divided by 1 − p, the others 0. Source: Srivastava et al. 2014, section 10."""
    return np.where(keep, weights / (1 - p), 0.0)


def mix(weights: Array, v: Array, visible: Array) -> Array:
    """weights·V, (B, Hq, R, Dv), for v (B, Hq, Sk, Dv). The V of a key that is hidden and weighs 0 counts as 0."""
    finite = np.isfinite(v)
    out = weights @ np.where(finite, v, 0.0)
    for b, h, j in np.argwhere(~finite.all(axis=-1)):
        counts = visible[b, h, :, j] | (weights[b, h, :, j] != 0)
        terms = np.outer(weights[b, h, :, j], np.where(finite[b, h, j], 0.0, v[b, h, j]))
        out[b, h] += np.where(counts[:, None] & ~finite[b, h, j], terms, 0.0)
    return out


def is_empty(total: Array) -> Array:
    """Whether a row has nothing to attend to, bool (B, Hq, R, 1)."""
    empty: Array = total == 0
    return empty


def empty_row(v: Array, convention: str) -> Array:
    """What an empty row gives, broadcastable to (B, Hq, R, Dv).

    zeros: 0. mean: the mean of V over all Sk keys, hidden ones included, and 0 where Sk is 0. nan: NaN.
    """
    if convention == "mean":
        mean: Array = v.sum(axis=-2, keepdims=True) / max(v.shape[-2], 1)
        return mean
    return np.array(np.nan if convention == "nan" else 0.0)
