"""`numpy/flash`: the tiled online softmax, one pass over the keys, no score matrix.

Its rounding is that of a fused kernel: products in the dtype of the inputs, accumulation in float32, weights rounded to the
dtype of q before they are normalised and before they meet V, the row sum from the weights that were not rounded.
Its causal diagonal ends at the bottom right, and with kv_lengths at each sequence's last key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contract import implementation
from .numpy_inputs import check

__all__ = ["attend"]

Array = NDArray[Any]

QUERIES = 32
"""Queries in a tile."""
KEYS = 16
"""Keys in a tile: the running maximum may change after each."""

_TILED = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": KEYS, "splits": 1}


@dataclass(frozen=True)
class _Options:
    """What a tile needs of the call. offset: (B, 1, 1, 1), what a query's index lacks to the index of the key beside it."""

    scale: np.float32
    offset: Array
    causal: bool
    window: tuple[int | None, int | None]
    mask: Array | None
    bias: Array | None
    alibi_slopes: Array | None
    softcap: float | None
    q_segments: Array | None
    kv_segments: Array | None
    kv_lengths: Array | None
    kept: Array | None
    dropout_p: float


@implementation(
    name="numpy/flash",
    dtypes=("float32", "float16", "bfloat16"),
    conventions={"causal_alignment": "bottom-right", "empty_rows": "zeros", "hidden_nan": "contained"},
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0, **_TILED},
        "float16": {"name": "half", **_TILED},
        "bfloat16": {"name": "half", **_TILED},
    },
)
def attend(
    q: Array,
    k: Array,
    v: Array,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    mask: Array | None = None,
    bias: Array | None = None,
    alibi_slopes: Array | None = None,
    softcap: float | None = None,
    sinks: Array | None = None,
    q_segments: Array | None = None,
    kv_segments: Array | None = None,
    kv_lengths: Array | None = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32. Raises ValueError for arrays or options that do not fit together.
    Sources: Milakov and Gimelshein, Online normalizer calculation for softmax (2018), algorithm 3;
    Dao et al., FlashAttention (2022), algorithm 1.
    """
    check(q, k, v, locals())
    (b, hq, sq, d), sk, group = q.shape, k.shape[2], q.shape[1] // k.shape[1]
    lengths = np.full(b, sk) if kv_lengths is None else kv_lengths.astype(np.int64)
    options = _Options(
        scale=np.float32(1 / np.sqrt(d) if scale is None else scale),
        offset=(lengths - sq)[:, None, None, None],
        causal=causal,
        window=window or (None, None),
        mask=_whole(mask, (b, hq, sq, sk)),
        bias=_whole(bias, (b, hq, sq, sk)),
        alibi_slopes=alibi_slopes,
        softcap=softcap,
        q_segments=q_segments,
        kv_segments=kv_segments,
        kv_lengths=kv_lengths,
        kept=np.random.default_rng(seed).random((b, hq, sq, sk), dtype=np.float32) >= dropout_p if dropout_p else None,
        dropout_p=dropout_p,
    )
    key, value = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    out = np.zeros((b, hq, sq, v.shape[3]), q.dtype)
    lse = np.full((b, hq, sq), -np.inf, np.float32)
    for start in range(0, sq, QUERIES):
        rows = slice(start, min(start + QUERIES, sq))
        out[:, :, rows], lse[:, :, rows] = _query_tile(q[:, :, rows], key, value, rows, sinks, options)
    return (out, lse) if return_lse else out


def _query_tile(q: Array, k: Array, v: Array, rows: slice, sinks: Array | None, options: _Options) -> tuple[Array, Array]:
    """Output (B, H, rows, Dv) and logsumexp (B, H, rows) of some queries over all keys, a tile of keys at a time."""
    query = q.astype(np.float32)
    top = np.full((*q.shape[:3], 1), -np.inf, np.float32)
    total = np.zeros_like(top)
    if sinks is not None:  # A sink is a key that was seen before the first tile, and whose value is 0.
        top, total = np.broadcast_to(sinks.astype(np.float32)[:, None, None], top.shape), np.ones_like(top)
    sums = np.zeros((*q.shape[:3], v.shape[3]), np.float32)
    for start in range(0, k.shape[2], KEYS):
        columns = slice(start, min(start + KEYS, k.shape[2]))
        visible = _visible(rows, columns, options)
        if not visible.any():
            continue
        scores = np.where(visible, _scores(query, k[:, :, columns].astype(np.float32), rows, columns, options), -np.inf)
        higher = np.maximum(top, scores.max(axis=-1, keepdims=True))
        shift = np.where(np.isneginf(higher), np.float32(0), higher)
        weights, rescale = np.exp(scores - shift), np.exp(top - shift)
        total = total * rescale + weights.sum(axis=-1, keepdims=True)
        if options.kept is not None:
            weights = np.where(options.kept[:, :, rows, columns], weights / np.float32(1 - options.dropout_p), np.float32(0))
        rounded = weights.astype(q.dtype).astype(np.float32)
        sums = sums * rescale + _weighted_values(rounded, v[:, :, columns].astype(np.float32), visible)
        top = higher
    with np.errstate(divide="ignore"):
        lse = np.where(total > 0, top + np.log(total), -np.inf)[..., 0]
    return (sums / np.where(total > 0, total, np.float32(1))).astype(q.dtype), lse


def _scores(query: Array, key: Array, rows: slice, columns: slice, options: _Options) -> Array:
    """Scores of a tile in float32: scale, then softcap, then bias and ALiBi."""
    with np.errstate(over="ignore", invalid="ignore"):  # Hidden keys may hold anything.
        scores: Array = query @ key.swapaxes(-1, -2) * options.scale
        if options.softcap is not None:
            scores = np.float32(options.softcap) * np.tanh(scores / np.float32(options.softcap))
        if options.bias is not None:
            scores = scores + options.bias[:, :, rows, columns].astype(np.float32)
        if options.alibi_slopes is not None:
            behind = np.abs(_behind(rows, columns, options)).astype(np.float32)
            scores = scores - options.alibi_slopes[:, None, None] * behind
    return scores


def _visible(rows: slice, columns: slice, options: _Options) -> Array:
    """Which query of a tile sees which key of it, broadcastable to (B, H, rows, columns)."""
    behind = _behind(rows, columns, options)
    left, right = options.window
    visible = np.ones(behind.shape, bool)
    if options.causal:
        visible &= behind >= 0
    if left is not None:
        visible &= behind <= left
    if right is not None:
        visible &= behind >= -right
    if options.kv_lengths is not None:
        visible &= np.arange(columns.start, columns.stop) < options.kv_lengths[:, None, None, None]
    if options.q_segments is not None and options.kv_segments is not None:
        visible &= options.q_segments[:, None, rows, None] == options.kv_segments[:, None, None, columns]
    return visible if options.mask is None else visible & options.mask[:, :, rows, columns]


def _behind(rows: slice, columns: slice, options: _Options) -> Array:
    """How far each key lies behind its query, i + offset − j: (B, 1, rows, columns)."""
    i = np.arange(rows.start, rows.stop)[:, None]
    return i + options.offset - np.arange(columns.start, columns.stop)[None, :]


def _weighted_values(weights: Array, value: Array, visible: Array) -> Array:
    """weights @ value, where a value that is not finite counts only for the rows that see its key: 0 · NaN is not 0."""
    finite = np.isfinite(value)
    out: Array = weights @ np.where(finite, value, np.float32(0))
    if finite.all():
        return out
    with np.errstate(invalid="ignore"):
        seen = visible[..., None] & ~finite[:, :, None]
        return out + np.where(seen, weights[..., None] * value[:, :, None], np.float32(0)).sum(axis=-2)


def _whole(array: Array | None, shape: tuple[int, ...]) -> Array | None:
    return None if array is None else np.broadcast_to(array, shape)
