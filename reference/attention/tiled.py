"""Attention by tiles with an online softmax: the second definition, written so that it cannot share a mistake with the first.

A mask helper that an oracle and a kernel have in common is wrong in both at once. So nothing here comes from `masks`,
`scores` or `softmax`: causality and windows are intervals of keys here, heads are reached by integer arithmetic, a sink is
one more part to merge, and every option is written again.

Sources: Dao et al. 2022 (FlashAttention), algorithm 1, for the tiles; Milakov and Gimelshein 2018, algorithm 3, for the
online normaliser; Dao et al. 2023 (Flash-Decoding) for splits merged by their logsumexp.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import real
from .checks import Sizes, check
from .dropout import keep_mask
from .tiled_head import TILED_STEPS, Head, TiledSteps, attend_head

__all__ = ["TILED_STEPS", "TiledSteps", "heads", "tiled_attention"]

Array = NDArray[Any]


NOT_FOR_HEADS = ("q", "k", "v", "empty_rows", "rows", "tile", "splits", "steps")
"""Arguments that no single head needs."""


def tiled_attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    mask: Any = None,
    bias: Any = None,
    alibi_slopes: Any = None,
    softcap: float | None = None,
    sinks: Any = None,
    q_segments: Any = None,
    kv_segments: Any = None,
    kv_lengths: Any = None,
    q_descale: Any = None,
    k_descale: Any = None,
    v_descale: Any = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    dropout_keep: Any = None,
    causal_alignment: str = "top-left",
    empty_rows: str = "zeros",
    rows: Sequence[int] | None = None,
    tile: int = 16,
    splits: int = 1,
    steps: TiledSteps = TILED_STEPS,
) -> tuple[Array, Array]:
    """(out, lse), float64 (B, Hq, R, Dv) and (B, Hq, R), of the same call as `textbook.attention`.

    tile: keys that are read at once. splits: parts into which the keys are divided, computed apart and merged at the end.

    Raises ValueError as `textbook.attention` does, and where tile or splits is less than 1.
    """
    options = {name: value for name, value in locals().items() if name not in NOT_FOR_HEADS}
    sizes = check(
        q, k, v,
        scale=scale, causal=causal, window=window, mask=mask, bias=bias, alibi_slopes=alibi_slopes, softcap=softcap,
        sinks=sinks, q_segments=q_segments, kv_segments=kv_segments, kv_lengths=kv_lengths,
        q_descale=q_descale, k_descale=k_descale, v_descale=v_descale,
        dropout_p=dropout_p, dropout_keep=dropout_keep,
        causal_alignment=causal_alignment, empty_rows=empty_rows, rows=rows,
    )  # fmt: skip
    for name, count in (("tile", tile), ("splits", splits)):
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")
    chosen = np.array(range(sizes.sq) if rows is None else rows, dtype=np.int64)
    out, lse = np.empty((sizes.b, sizes.hq, len(chosen), sizes.dv)), np.empty((sizes.b, sizes.hq, len(chosen)))
    for batch, head, one in heads(q, k, v, sizes, chosen, sizes.sk + tile * splits, **options):
        with np.errstate(all="ignore"):
            out[batch, head], lse[batch, head] = attend_head(one, tile, splits, steps)
            if empty_rows == "unmasked":
                _attend_unmasked(out[batch, head], lse[batch, head], one, tile, splits, steps)
            else:
                _fill_empty(out[batch, head], lse[batch, head], one.v, empty_rows)
    return out, lse


def heads(
    q: Any,
    k: Any,
    v: Any,
    sizes: Sizes,
    chosen: Array,
    past: int,
    *,
    scale: float | None,
    causal: bool,
    window: tuple[int | None, int | None] | None,
    mask: Any,
    bias: Any,
    alibi_slopes: Any,
    softcap: float | None,
    sinks: Any,
    q_segments: Any,
    kv_segments: Any,
    kv_lengths: Any,
    q_descale: Any,
    k_descale: Any,
    v_descale: Any,
    dropout_p: float,
    seed: int,
    dropout_keep: Any,
    causal_alignment: str,
) -> Iterator[tuple[int, int, Head]]:
    """(batch entry, query head, Head) for all of them. chosen: query rows, int64 (R,). past: a key that stands for no limit."""
    b, hq, hkv, sq, sk, d, _ = sizes
    keep = _table(dropout_keep, sizes, chosen)
    if keep is None and dropout_p > 0:
        keep = keep_mask(seed, dropout_p, (b, hq, sq, sk), chosen)
    masks, biases = _table(mask, sizes, chosen), _table(bias, sizes, chosen)
    queries, keys, values = real("q", q), real("k", k), real("v", v)
    for batch in range(b):
        length = sk if kv_lengths is None else int(kv_lengths[batch])
        positions = chosen + (length - sq) if causal_alignment == "bottom-right" else chosen
        first, end = _intervals(positions, causal, window, past)
        for head in range(hq):
            shared = (head * hkv) // hq
            yield (
                batch,
                head,
                Head(
                    q=queries[batch, head, chosen] * _factor(q_descale, batch, shared),
                    k=keys[batch, shared] * _factor(k_descale, batch, shared),
                    v=values[batch, shared] * _factor(v_descale, batch, shared),
                    scale=d**-0.5 if scale is None else scale,
                    length=length,
                    positions=positions,
                    first=first,
                    end=end,
                    mask=None if masks is None else masks[batch, head],
                    bias=None if biases is None else biases[batch, head].astype(np.float64),
                    slope=0.0 if alibi_slopes is None else float(alibi_slopes[head]),
                    softcap=softcap,
                    sink=None if sinks is None else float(sinks[head]),
                    q_segments=None if q_segments is None else np.asarray(q_segments)[batch, chosen],
                    kv_segments=None if kv_segments is None else np.asarray(kv_segments)[batch],
                    keep=None if keep is None else keep[batch, head] / (1.0 - dropout_p),
                ),
            )


def _table(given: Any, sizes: Sizes, rows: Array) -> Array | None:
    """An array broadcastable to (B, Hq, Sq, Sk) as one (B, Hq, R, Sk)."""
    if given is None:
        return None
    array = np.asarray(given)
    array = array.reshape((1,) * (4 - array.ndim) + array.shape)
    if array.shape[2] != 1:
        array = array[:, :, rows]
    return np.broadcast_to(array, (sizes.b, sizes.hq, len(rows), sizes.sk))


def _factor(descale: Any, batch: int, head: int) -> float:
    """The descale of one key head, 1 where none is given."""
    return 1.0 if descale is None else float(descale[batch][head])


def _intervals(positions: Array, causal: bool, window: Any, past: int) -> tuple[Array, Array]:
    """For each row, the first key that causality and window admit and the one after the last; `past` stands for no limit."""
    first, end = np.zeros_like(positions), np.full_like(positions, past)
    left, right = (None, None) if window is None else window
    if left is not None:
        first = positions - left
    if causal:
        right = 0 if right is None else min(right, 0)
    if right is not None:
        end = positions + right + 1
    return np.clip(first, 0, past), np.clip(end, 0, past)


def _attend_unmasked(out: Array, lse: Array, head: Head, tile: int, splits: int, steps: TiledSteps) -> None:
    """Answer the rows that attended to nothing again, without mask, causality, window and segments."""
    free = replace(head, mask=None, q_segments=None, first=np.zeros_like(head.first), end=np.full_like(head.end, len(head.k)))
    again, sums = attend_head(free, tile, splits, steps)
    for row in np.flatnonzero(np.isneginf(lse)):
        out[row], lse[row] = (0.0, -np.inf) if np.isneginf(sums[row]) else (again[row], sums[row])


def _fill_empty(out: Array, lse: Array, v: Array, convention: str) -> None:
    """Write what the convention says into the rows that attended to nothing."""
    for row in np.flatnonzero(np.isneginf(lse)):
        if convention == "nan":
            out[row] = np.nan
        elif convention == "mean" and len(v):
            out[row] = np.mean(v, axis=0)
        else:
            out[row] = 0.0
