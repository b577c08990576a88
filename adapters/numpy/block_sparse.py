"""`numpy/block-sparse`: attention that touches only the blocks a pattern keeps, with the online softmax.

For each tile of queries a list of the blocks of keys is made that any of them may keep: from the block mask, the window, the
dilation, the global tokens and causality. Only these are read; inside of them keys are masked one by one. A tile has 16 queries
and 16 keys, or as many as a block of the mask has, from 9 to 64; small blocks share a tile, and large ones are cut.
With top_k the scores of the kept tiles are looked at first, and computed again for the keys that were chosen.
Its rounding is that of `numpy/flash`: accumulation in float32, weights rounded to the dtype of q before they are normalised and
before they meet V, the row sum from the weights that were not rounded. Its diagonal ends at the bottom right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contract import implementation
from ..sparse_inputs import check_pattern
from .forward_tiles import weighted_values
from .inputs import check

__all__ = ["attend"]

Array = NDArray[Any]

TILE = 16
"""Queries, and keys, in a tile where there is no block mask."""

LARGEST_TILE = 64
"""The most queries, and keys, in a tile. Larger blocks of a mask are cut into tiles."""

_TILED = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": 8, "splits": 1}


class Pattern(NamedTuple):
    """Options that decide which keys are kept. offset: what a query's row lacks to its position."""

    offset: int
    causal: bool
    window: tuple[int | None, int | None]
    dilation: int
    global_tokens: int
    blocks: Array | None
    size: int
    top_k: int | None


@implementation(
    operation="sparse_attention",
    name="numpy/block-sparse",
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
    dilation: int | None = None,
    global_tokens: int | None = None,
    block_mask: Array | None = None,
    block_size: int | None = None,
    top_k: int | None = None,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    block_mask: bool (B or 1, Hq or 1, ⌈Sq/block_size⌉, ⌈Sk/block_size⌉). With return_lse also lse (B, Hq, Sq), float32.
    Raises ValueError for arrays or options that do not fit together.
    Sources: Dao et al., FlashAttention (2022), section 3.3 and algorithm 5, block-sparse FlashAttention.
    """
    check(q, k, v, {"window": window})
    (b, hq, sq, d), sk = q.shape, k.shape[2]
    check_pattern((b, hq, sq, sk), dilation, global_tokens, None if block_mask is None else block_mask.shape, block_size, top_k)
    local = window is not None or dilation is not None
    rules = Pattern(
        offset=sk - sq,
        causal=causal,
        window=window or (None, None),
        dilation=dilation or 1,
        global_tokens=(global_tokens or 0) if local else 0,
        blocks=None if block_mask is None else np.broadcast_to(block_mask, (b, hq, *block_mask.shape[2:])),
        size=block_size or TILE,
        top_k=top_k,
    )
    factor, group = np.float32(1 / np.sqrt(d) if scale is None else scale), hq // k.shape[1]
    out, lse = np.zeros((b, hq, sq, v.shape[3]), q.dtype), np.full((b, hq, sq), -np.inf, np.float32)
    for entry, head in np.ndindex(b, hq):
        for rows in _cuts(sq, rules.size):
            out[entry, head, rows], lse[entry, head, rows] = _query_tile(
                q[entry, head, rows],
                k[entry, head // group],
                v[entry, head // group],
                rows,
                rules,
                None if rules.blocks is None else rules.blocks[entry, head],
                factor,
            )
    return (out, lse) if return_lse else out


def _cuts(length: int, size: int) -> list[slice]:
    """Tiles of a length that never cross the edge of a block: blocks, or parts of large ones, or several small ones."""
    step = size if size >= TILE else TILE // size * size
    cuts = []
    for start in range(0, length, step):
        end = min(start + step, length)
        cuts += [slice(at, min(at + LARGEST_TILE, end)) for at in range(start, end, LARGEST_TILE)]
    return cuts


def _query_tile(
    q: Array, k: Array, v: Array, rows: slice, rules: Pattern, blocks: Array | None, factor: Any
) -> tuple[Array, Array]:
    """Output (rows, Dv), rounded, and logsumexp (rows,) of one tile of queries over the tiles of keys that it keeps."""
    query, count = q.astype(np.float32), rows.stop - rows.start
    top, total = np.full((count, 1), -np.inf, np.float32), np.zeros((count, 1), np.float32)
    sums = np.zeros((count, v.shape[1]), np.float32)
    listed = [columns for columns in _cuts(k.shape[0], rules.size) if _may_keep(rows, columns, rules, blocks)]
    chosen = None if rules.top_k is None else _chosen(query, k, rows, listed, rules, blocks, factor)
    for columns in listed:
        kept = _kept(rows, columns, rules, blocks)
        if chosen is not None:
            kept &= chosen[:, columns]
        if not kept.any():
            continue
        scores = _scores(query, k[columns], kept, factor)
        higher = np.maximum(top, scores.max(axis=-1, keepdims=True))
        shift = np.where(np.isneginf(higher), np.float32(0), higher)
        weights, rescale = np.exp(scores - shift), np.exp(top - shift)
        total = total * rescale + weights.sum(axis=-1, keepdims=True)
        rounded = weights.astype(q.dtype).astype(np.float32)
        sums = sums * rescale + weighted_values(rounded, v[columns].astype(np.float32), kept)
        top = higher
    with np.errstate(divide="ignore"):
        lse = np.where(total > 0, top + np.log(total), np.float32(-np.inf))[:, 0]
    return (sums / np.where(total > 0, total, np.float32(1))).astype(q.dtype), lse


def _scores(query: Array, key: Array, kept: Array, factor: Any) -> Array:
    """Scores of a tile in float32, −inf where a key is left out, which may hold anything."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(kept, query @ key.astype(np.float32).T * factor, np.float32(-np.inf))


def _chosen(
    query: Array, k: Array, rows: slice, listed: list[slice], rules: Pattern, blocks: Array | None, factor: Any
) -> Array:
    """The top_k keys of largest score in the listed tiles, bool (rows, Sk); of equal scores the first."""
    scores = np.full((len(query), k.shape[0]), -np.inf, np.float32)
    for columns in listed:
        scores[:, columns] = _scores(query, k[columns], _kept(rows, columns, rules, blocks), factor)
    order = np.argsort(-scores, axis=-1, kind="stable")[:, : rules.top_k]
    chosen = np.zeros(scores.shape, bool)
    np.put_along_axis(chosen, order, True, axis=-1)
    return chosen


def _may_keep(rows: slice, columns: slice, rules: Pattern, blocks: Array | None) -> bool:
    """Whether any query of a tile may keep a key of another, by block mask, causality, window and global tokens alone."""
    if blocks is not None and not blocks[_tiles(rows, rules.size), _tiles(columns, rules.size)].any():
        return False
    first, last = rows.start + rules.offset, rows.stop - 1 + rules.offset
    if rules.causal and columns.start > last:
        return False
    (left, right), tokens = rules.window, rules.global_tokens
    if columns.start < tokens or first < tokens:
        return True
    return (left is None or columns.stop - 1 >= first - left) and (right is None or columns.start <= last + right)


def _tiles(cut: slice, size: int) -> slice:
    """The blocks of a mask that a tile touches."""
    return slice(cut.start // size, (cut.stop - 1) // size + 1)


def _kept(rows: slice, columns: slice, rules: Pattern, blocks: Array | None) -> Array:
    """Which query of a tile keeps which key of another, bool (rows, columns)."""
    i = np.arange(rows.start, rows.stop)[:, None] + rules.offset
    j = np.arange(columns.start, columns.stop)
    (left, right), behind = rules.window, i - j
    kept = behind % rules.dilation == 0
    if left is not None:
        kept &= behind <= left
    if right is not None:
        kept &= behind >= -right
    if rules.global_tokens:
        kept |= ((i >= 0) & (i < rules.global_tokens)) | (j < rules.global_tokens)
    if blocks is not None:
        at = np.arange(rows.start, rows.stop)[:, None] // rules.size
        kept &= blocks[at, j // rules.size]
    allowed: Array = kept & (behind >= 0) if rules.causal else kept
    return allowed
