"""`jax/block-sparse`: for each tile of queries a loop over the tiles of keys that its pattern keeps, and over no others.

Which tiles are kept is worked out on the host, from the pattern, as a table of indices, one row for each tile of queries of
each head. XLA wants one shape, so the table is as wide as there are tiles of keys, filled up with −1; a loop ends each row at
its own count. A tile that the table names is read by its index, masked key by key, and joined by the online softmax.
Such a loop has no derivative in JAX, so there are no gradients.
All options but the shapes are traced, so XLA compiles once for each shape.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..contract import implementation
from ..sparse_inputs import check_pattern
from .compile import NOTE, compiled
from .inputs import check_shapes

__all__ = ["attend"]

TILE = 16
"""Queries, and keys, in a tile: the running maximum may change after each."""

_BLOCKS = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": TILE, "splits": 1}


class Lists(NamedTuple):
    """tiles: int32 (B, Hq, tiles of queries, tiles of keys), kept tiles first. count: int32 (B, Hq, tiles of queries).

    mask: bool (B, Hq, tiles of queries, tiles of keys, TILE, TILE), what is kept inside of each tile.
    """

    tiles: Any
    count: Any
    mask: Any


@implementation(
    operation="sparse_attention",
    name="jax/block-sparse",
    arrays="jax",
    conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0, **_BLOCKS},
        "float16": {"name": "half", **_BLOCKS},
        "bfloat16": {"name": "half", **_BLOCKS},
    },
    backward=False,
    notes=[NOTE],
)
def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    dilation: int | None = None,
    global_tokens: int | None = None,
    block_mask: jax.Array | None = None,
    block_size: int | None = None,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32. Raises ValueError for arrays or options that do not fit together.
    Sources: Milakov and Gimelshein, Online normalizer calculation for softmax (2018), algorithm 3; Dao et al., FlashAttention
    (2022), algorithm 5.
    """
    check_shapes(q, k, v)
    (b, hq, sq, d), sk = q.shape, k.shape[2]
    check_pattern((b, hq, sq, sk), dilation, global_tokens, None if block_mask is None else block_mask.shape, block_size)
    factor = np.float32(1 / np.sqrt(max(d, 1)) if scale is None else scale)
    blocks = None if block_mask is None else np.asarray(block_mask)
    kept = _kept((b, hq, sq, sk), causal, window, dilation, global_tokens, blocks, block_size)
    out, lse = _attend(q, k, v, _lists(kept), factor)
    return (out, lse) if return_lse else out


def _kept(
    sizes: tuple[int, int, int, int],
    causal: bool,
    window: tuple[int | None, int | None] | None,
    dilation: int | None,
    global_tokens: int | None,
    blocks: Any,
    size: int | None,
) -> Any:
    """Which query keeps which key, bool (B, Hq, Sq, Sk)."""
    _, _, sq, sk = sizes
    i, j = np.arange(sq)[:, None], np.arange(sk)
    left, right = window or (None, None)
    near = np.ones((sq, sk), bool)
    if left is not None:
        near &= j >= i - left
    if right is not None:
        near &= j <= i + right
    if dilation is not None:
        near &= (i - j) % dilation == 0
    if global_tokens is not None:
        near |= (i < global_tokens) | (j < global_tokens)
    if causal:
        near &= j <= i
    kept = near[None, None]
    if blocks is not None and size is not None:
        kept = kept & blocks[:, :, i // size, j // size]
    return np.broadcast_to(kept, sizes)


def _lists(kept: Any) -> Lists:
    """The tiles of keys of each tile of queries, kept ones first, and what is kept inside of each."""
    b, hq, sq, sk = kept.shape
    rows, columns = -(-sq // TILE), -(-sk // TILE)
    padded = np.zeros((b, hq, rows * TILE, columns * TILE), bool)
    padded[:, :, :sq, :sk] = kept
    mask = padded.reshape(b, hq, rows, TILE, columns, TILE).swapaxes(3, 4)
    touched = mask.any((-1, -2))
    order = np.argsort(~touched, axis=-1, kind="stable").astype(np.int32)
    return Lists(np.where(np.take_along_axis(touched, order, -1), order, -1), touched.sum(-1, dtype=np.int32), mask)


@compiled
def _attend(q: jax.Array, k: jax.Array, v: jax.Array, lists: Lists, factor: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Output and logsumexp, a tile of queries at a time."""
    (b, hq, sq, d), sk, dv = q.shape, k.shape[2], v.shape[3]
    group, rows, columns = hq // k.shape[1], lists.mask.shape[2], lists.mask.shape[3]

    def cut(x: jax.Array, count: int, length: int) -> jax.Array:
        """(B, H, S, E) as (B, H, count, TILE, E); positions past the last are zeros, and no mask keeps them."""
        x = jnp.pad(x, ((0, 0), (0, 0), (0, count * TILE - length), (0, 0)))
        return x.reshape(x.shape[0], x.shape[1], count, TILE, x.shape[3])

    def of_tile(query: jax.Array, key: jax.Array, value: jax.Array, tiles: jax.Array, count: jax.Array, mask: jax.Array) -> Any:
        """One tile of queries (TILE, D) over the listed tiles of keys (columns, TILE, D)."""

        def more(carry: Any) -> Any:
            return carry[0] < count

        def visit(carry: Any) -> Any:
            n, top, total, sums = carry
            at = tiles[n]
            scores = jnp.matmul(query, key[at].astype(jnp.float32).T, precision="highest") * factor
            scores = jnp.where(mask[at], scores, -jnp.inf)
            higher = jnp.maximum(top, scores.max(axis=-1, keepdims=True))
            shift = jnp.where(jnp.isneginf(higher), 0.0, higher)
            weights, rescale = jnp.exp(scores - shift), jnp.exp(top - shift)
            added = jnp.matmul(weights.astype(q.dtype), value[at], precision="highest", preferred_element_type=jnp.float32)
            return n + 1, higher, total * rescale + weights.sum(axis=-1, keepdims=True), sums * rescale + added

        start = (0, jnp.full((TILE, 1), -jnp.inf), jnp.zeros((TILE, 1)), jnp.zeros((TILE, dv)))
        _, top, total, sums = jax.lax.while_loop(more, visit, start)
        some = jnp.where(total > 0, total, 1.0)
        return (sums / some).astype(q.dtype), jnp.where(total > 0, top + jnp.log(some), -jnp.inf)[:, 0]

    query = cut(q.astype(jnp.float32), rows, sq).reshape(b * hq, rows, TILE, d)
    key, value = (jnp.repeat(cut(x, columns, sk), group, axis=1).reshape(b * hq, columns, TILE, -1) for x in (k, v))
    table = (x.reshape(b * hq, *x.shape[2:]) for x in lists)

    def of_head(arguments: Any) -> Any:
        query, key, value, *table = arguments
        return jax.lax.map(lambda own: of_tile(own[0], key, value, *own[1:]), (query, *table))

    out, lse = jax.lax.map(of_head, (query, key, value, *table))
    return out.reshape(b, hq, rows * TILE, dv)[:, :, :sq], lse.reshape(b, hq, rows * TILE)[:, :, :sq]
