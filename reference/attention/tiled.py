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
from .options import Options
from .tiled_head import TILED_STEPS, Head, TiledSteps, attend_head

__all__ = ["TILED_STEPS", "TiledSteps", "heads", "tiled_attention"]

Array = NDArray[Any]


def tiled_attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    rows: Sequence[int] | None = None,
    tile: int = 16,
    splits: int = 1,
    steps: TiledSteps = TILED_STEPS,
    **options: Any,
) -> tuple[Array, Array]:
    """(out, lse), float64 (B, Hq, R, Dv) and (B, Hq, R), of the same call as `textbook.attention`.

    tile: keys that are read at once. splits: parts into which the keys are divided, computed apart and merged at the end.

    Raises ValueError as `textbook.attention` does, and where tile or splits is less than 1.
    """
    given = Options(**options)
    sizes = check(q, k, v, given, rows)
    for name, count in (("tile", tile), ("splits", splits)):
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")
    chosen = np.array(range(sizes.sq) if rows is None else rows, dtype=np.int64)
    out, lse = np.empty((sizes.b, sizes.hq, len(chosen), sizes.dv)), np.empty((sizes.b, sizes.hq, len(chosen)))
    for batch, head, one in heads(q, k, v, sizes, chosen, sizes.sk + tile * splits, given):
        with np.errstate(all="ignore"):
            out[batch, head], lse[batch, head] = attend_head(one, tile, splits, steps)
            if given.empty_rows == "unmasked":
                _attend_unmasked(out[batch, head], lse[batch, head], one, tile, splits, steps)
            else:
                _fill_empty(out[batch, head], lse[batch, head], one.v, given.empty_rows)
    return out, lse


def heads(q: Any, k: Any, v: Any, sizes: Sizes, chosen: Array, past: int, given: Options) -> Iterator[tuple[int, int, Head]]:
    """(batch entry, query head, Head) for all of them. chosen: query rows, int64 (R,). past: a key that stands for no limit."""
    b, hq, hkv, sq, sk, d, _ = sizes
    keep = _table(given.dropout_keep, sizes, chosen)
    if keep is None and given.dropout_p > 0:
        keep = keep_mask(given.seed, given.dropout_p, (b, hq, sq, sk), chosen)
    masks, biases = _table(given.mask, sizes, chosen), _table(given.bias, sizes, chosen)
    queries, keys, values = real("q", q), real("k", k), real("v", v)
    for batch in range(b):
        length = sk if given.kv_lengths is None else int(given.kv_lengths[batch])
        positions = chosen + (length - sq) if given.causal_alignment == "bottom-right" else chosen
        first, end = _intervals(positions, given.causal, given.window, past)
        for head in range(hq):
            shared = (head * hkv) // hq
            yield (
                batch,
                head,
                Head(
                    q=queries[batch, head, chosen] * _factor(given.q_descale, batch, shared),
                    k=keys[batch, shared] * _factor(given.k_descale, batch, shared),
                    v=values[batch, shared] * _factor(given.v_descale, batch, shared),
                    scale=d**-0.5 if given.scale is None else given.scale,
                    length=length,
                    positions=positions,
                    first=first,
                    end=end,
                    mask=None if masks is None else masks[batch, head],
                    bias=None if biases is None else biases[batch, head].astype(np.float64),
                    slope=0.0 if given.alibi_slopes is None else float(given.alibi_slopes[head]),
                    softcap=given.softcap,
                    sink=None if given.sinks is None else float(given.sinks[head]),
                    q_segments=None if given.q_segments is None else np.asarray(given.q_segments)[batch, chosen],
                    kv_segments=None if given.kv_segments is None else np.asarray(given.kv_segments)[batch],
                    keep=None if keep is None else keep[batch, head] / (1.0 - given.dropout_p),
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
