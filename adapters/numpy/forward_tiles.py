"""One pass over the keys in tiles, with a running maximum: the forward pass of `numpy/flash` and `numpy/flash-fp8`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tiles import KEYS, QUERIES, Options, scores_of, visible_in

__all__ = ["attended", "weighted_values"]

Array = NDArray[Any]


def attended(
    q: Array, k: Array, v: Array, sinks: Array | None, options: Options, stored: Any, factor: float = 1.0
) -> tuple[Array, Array]:
    """Output (B, Hq, Sq, Dv) before it is rounded, and logsumexp (B, Hq, Sq), both float32.

    k, v: of the query heads, (B, Hq, Sk, …). stored: dtype to which weights are rounded before they meet V, after they were
    multiplied by `factor`.
    """
    out = np.zeros((*q.shape[:3], v.shape[3]), np.float32)
    lse = np.full(q.shape[:3], -np.inf, np.float32)
    for start in range(0, q.shape[2], QUERIES):
        rows = slice(start, min(start + QUERIES, q.shape[2]))
        out[:, :, rows], lse[:, :, rows] = _query_tile(q[:, :, rows], k, v, rows, sinks, options, stored, np.float32(factor))
    return out, lse


def _query_tile(
    q: Array, k: Array, v: Array, rows: slice, sinks: Array | None, options: Options, stored: Any, factor: Any
) -> tuple[Array, Array]:
    """Output (B, H, rows, Dv) and logsumexp (B, H, rows) of some queries over all keys, a tile of keys at a time."""
    query = q.astype(np.float32)
    top = np.full((*q.shape[:3], 1), -np.inf, np.float32)
    total = np.zeros_like(top)
    if sinks is not None:  # A sink is a key that was seen before the first tile, and whose value is 0.
        top, total = np.broadcast_to(sinks.astype(np.float32)[:, None, None], top.shape), np.ones_like(top)
    sums = np.zeros((*q.shape[:3], v.shape[3]), np.float32)
    for start in range(0, k.shape[2], KEYS):
        columns = slice(start, min(start + KEYS, k.shape[2]))
        visible = visible_in(rows, columns, options)
        if not visible.any():
            continue
        scores = np.where(visible, scores_of(query, k[:, :, columns].astype(np.float32), rows, columns, options), -np.inf)
        higher = np.maximum(top, scores.max(axis=-1, keepdims=True))
        shift = np.where(np.isneginf(higher), np.float32(0), higher)
        weights, rescale = np.exp(scores - shift), np.exp(top - shift)
        total = total * rescale + weights.sum(axis=-1, keepdims=True)
        if options.kept is not None:
            weights = np.where(options.kept[:, :, rows, columns], weights / np.float32(1 - options.dropout_p), np.float32(0))
        rounded = (weights * factor).astype(stored).astype(np.float32)
        sums = sums * rescale + weighted_values(rounded, v[:, :, columns].astype(np.float32), visible)
        top = higher
    with np.errstate(divide="ignore"):
        lse = np.where(total > 0, top + np.log(total), -np.inf)[..., 0]
    return sums / np.where(total > 0, total * factor, np.float32(1)), lse


def weighted_values(weights: Array, value: Array, visible: Array) -> Array:
    """weights @ value, where a value that is not finite counts only for the rows that see its key: 0 · NaN is not 0."""
    finite = np.isfinite(value)
    out: Array = weights @ np.where(finite, value, np.float32(0))
    if finite.all():
        return out
    with np.errstate(invalid="ignore"):
        seen = visible[..., None] & ~finite[..., None, :, :]
        summed: Array = out + np.where(seen, weights[..., None] * value[..., None, :, :], np.float32(0)).sum(axis=-2)
        return summed
