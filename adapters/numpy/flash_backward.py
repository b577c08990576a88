"""The backward pass of `numpy/flash`: tiles of scores are computed again, so that nothing of size Sq × Sk is kept.

Its rounding is that of a fused kernel: the forward's output in the dtype of q, its logsumexp in float32; weights and
gradients of scores rounded to the dtype of q before they meet another matrix; dq, dk and dv accumulated in float32, over a
group too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .forward_tiles import attended
from .inputs import check
from .tiles import KEYS, QUERIES, Options, options_of, scores_of, visible_in

__all__ = ["backward"]

Array = NDArray[Any]


def backward(
    dout: Array,
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
) -> tuple[Array, Array, Array]:
    """dout (B, Hq, Sq, Dv) and q, k, v, all in one dtype → dq, dk, dv in that dtype and in the shapes of q, k, v.

    Raises ValueError for arrays or options that do not fit together.
    Source: Dao, FlashAttention-2 (2023), algorithm 2.
    """
    given = {name: value for name, value in locals().items() if name not in ("dout", "q", "k", "v")}
    check(q, k, v, given)
    if dout.shape != (*q.shape[:3], v.shape[3]) or dout.dtype != q.dtype:
        raise ValueError(f"dout is {dout.dtype} {dout.shape}; it must be {q.dtype} {(*q.shape[:3], v.shape[3])}, as the output")
    options, group = options_of(q, k, given), q.shape[1] // k.shape[1]
    out, lse = attended(q, np.repeat(k, group, axis=1), np.repeat(v, group, axis=1), sinks, options, q.dtype)
    out = out.astype(q.dtype)
    query, key, value = (x.astype(np.float32) for x in (q, np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)))
    slope = dout.astype(np.float32)
    delta = (slope * out.astype(np.float32)).sum(axis=-1, keepdims=True)
    shift = np.where(np.isneginf(lse), np.float32(0), lse)[..., None]
    dq, dk, dv = np.zeros_like(query), np.zeros_like(key), np.zeros_like(value)
    for top in range(0, q.shape[2], QUERIES):
        rows = slice(top, min(top + QUERIES, q.shape[2]))
        for left in range(0, k.shape[2], KEYS):
            columns = slice(left, min(left + KEYS, k.shape[2]))
            visible = visible_in(rows, columns, options)
            if not visible.any():
                continue
            with np.errstate(over="ignore", invalid="ignore"):  # A gradient past float16's largest number is infinite there.
                found = _tile(query, key, value, slope, delta, shift, rows, columns, visible, options, q.dtype)
            dq[:, :, rows], dk[:, :, columns], dv[:, :, columns] = (
                before + more
                for before, more in zip((dq[:, :, rows], dk[:, :, columns], dv[:, :, columns]), found, strict=True)
            )
    dk, dv = (x.reshape(x.shape[0], -1, group, *x.shape[2:]).sum(axis=2) for x in (dk, dv))
    return dq.astype(q.dtype), dk.astype(q.dtype), dv.astype(q.dtype)


def _tile(
    query: Array,
    key: Array,
    value: Array,
    slope: Array,
    delta: Array,
    shift: Array,
    rows: slice,
    columns: slice,
    visible: Array,
    options: Options,
    dtype: np.dtype[Any],
) -> tuple[Array, Array, Array]:
    """What one tile adds to dq (rows), dk and dv (columns), float32."""
    q, do = query[:, :, rows], slope[:, :, rows]
    k, v = (np.where(_seen(visible), x[:, :, columns], np.float32(0)) for x in (key, value))
    scores = scores_of(q, k, rows, columns, options)
    weights = np.where(visible, np.exp(np.where(visible, scores - shift[:, :, rows], -np.inf)), np.float32(0))
    rounded = weights.astype(dtype).astype(np.float32)
    moved = weights * (do @ v.swapaxes(-1, -2) - delta[:, :, rows])
    if options.softcap is not None:
        capped = np.tanh(q @ k.swapaxes(-1, -2) * options.scale / np.float32(options.softcap))
        moved = moved * (1 - capped * capped)
    moved = moved.astype(dtype).astype(np.float32)
    return options.scale * (moved @ k), options.scale * (moved.swapaxes(-1, -2) @ q), rounded.swapaxes(-1, -2) @ do


def _seen(visible: Array) -> Array:
    """Which keys of a tile some row sees, (B, H, columns, 1): what the others hold (NaN, too) meets nothing."""
    return np.asarray(visible.any(axis=2))[..., None]
