"""`numpy/naive`: attention as one reads it, with the whole score matrix in memory.

It stands beside the reference as the plainest thing a kernel author could write in the dtype of the inputs: scores in float32,
softmax over whole rows, weights rounded to the dtype of q, then the product with V accumulated in float32.
Its causal diagonal starts at the top left.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import implementation
from .inputs import check

__all__ = ["attend"]

Array = NDArray[Any]

_NEVER = 1 << 30
"""More keys than any problem has: the softmax is taken over whole rows, so nothing is ever rescaled."""

_WHOLE_ROWS = {"weights_rounded": "after", "row_sum_from": "unrounded", "tile": _NEVER, "splits": 1}


@implementation(
    name="numpy/naive",
    dtypes=("float32", "float16", "bfloat16"),
    conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"},
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0, **_WHOLE_ROWS},
        "float16": {"name": "half", **_WHOLE_ROWS},
        "bfloat16": {"name": "half", **_WHOLE_ROWS},
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
    return_weights: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32; with return_weights also the weights that meet V (after dropout).
    Raises ValueError for arrays or options that do not fit together.
    Source: Vaswani et al., Attention Is All You Need (2017), equation 1.
    """
    check(q, k, v, locals())
    group = q.shape[1] // k.shape[1]
    query, key, value = (x.astype(np.float32) for x in (q, k, v))
    key, value = np.repeat(key, group, axis=1), np.repeat(value, group, axis=1)
    distance = np.arange(q.shape[2])[:, None] - np.arange(k.shape[2])[None, :]

    with np.errstate(over="ignore", invalid="ignore"):  # Hidden keys may hold anything.
        scores = query @ key.swapaxes(-1, -2) * np.float32(1 / np.sqrt(q.shape[3]) if scale is None else scale)
        if softcap is not None:
            scores = np.float32(softcap) * np.tanh(scores / np.float32(softcap))
        if bias is not None:
            scores = scores + bias.astype(np.float32)
        if alibi_slopes is not None:
            scores = scores - alibi_slopes[:, None, None] * np.abs(distance).astype(np.float32)

    visible = np.broadcast_to(_visible(distance, causal, window, mask, q_segments, kv_segments, kv_lengths), scores.shape)
    scores = np.where(visible, scores, np.float32(-np.inf))
    weights, lse = _softmax(scores, None if sinks is None else sinks.astype(np.float32))
    if dropout_p:
        kept = np.random.default_rng(seed).random(weights.shape, dtype=np.float32) >= dropout_p
        weights = np.where(kept, weights / np.float32(1 - dropout_p), np.float32(0))
    weights = weights.astype(q.dtype)
    out = _weighted_values(weights.astype(np.float32), value, visible).astype(q.dtype)

    extras = [x for x, wanted in ((lse, return_lse), (weights, return_weights)) if wanted]
    return (out, *extras) if extras else out


def _visible(
    distance: Array,
    causal: bool,
    window: tuple[int | None, int | None] | None,
    mask: Array | None,
    q_segments: Array | None,
    kv_segments: Array | None,
    kv_lengths: Array | None,
) -> Array:
    """Which query sees which key, broadcastable to (B, Hq, Sq, Sk). distance: i − j, (Sq, Sk)."""
    left, right = window or (None, None)
    visible = np.ones((1, 1, *distance.shape), bool)
    if causal:
        visible = visible & (distance >= 0)
    if left is not None:
        visible = visible & (distance <= left)
    if right is not None:
        visible = visible & (distance >= -right)
    if mask is not None:
        visible = visible & mask
    if q_segments is not None and kv_segments is not None:
        visible = visible & (q_segments[:, None, :, None] == kv_segments[:, None, None, :])
    if kv_lengths is not None:
        visible = visible & (np.arange(distance.shape[1]) < kv_lengths[:, None, None, None])
    return visible


def _softmax(scores: Array, sinks: Array | None) -> tuple[Array, Array]:
    """Weights and logsumexp of rows of scores, hidden ones −inf. A row that sees nothing gets weights 0 and logsumexp −inf."""
    top = np.max(scores, axis=-1, keepdims=True, initial=-np.inf)
    if sinks is not None:
        top = np.maximum(top, sinks[:, None, None])
    shift = np.where(np.isneginf(top), np.float32(0), top)
    weights = np.exp(scores - shift)
    total = weights.sum(axis=-1, keepdims=True)
    if sinks is not None:
        total = total + np.exp(sinks[:, None, None] - shift)
    with np.errstate(divide="ignore"):
        lse = (shift + np.log(total))[..., 0]
    return weights / np.where(total == 0, np.float32(1), total), lse


def _weighted_values(weights: Array, value: Array, visible: Array) -> Array:
    """weights @ value, where a value that is not finite counts only for the rows that see its key: 0 · NaN is not 0."""
    strange = ~np.isfinite(value)
    out: Array = weights @ np.where(strange, np.float32(0), value)
    with np.errstate(invalid="ignore"):
        for j in np.flatnonzero(strange.any(axis=(0, 1, 3))):
            seen = visible[..., j, None] & strange[:, :, None, j, :]
            out = out + np.where(seen, weights[..., j, None] * value[:, :, None, j, :], np.float32(0))
    return out
