"""`jax/flash-scan`: the online softmax over blocks of keys, with jax.lax.scan.

The running maximum, row sum and output are what the scan carries; a block of keys rescales them. No score matrix is made.
Keys are padded to whole blocks, and the padding is hidden, so that any number of keys will do.
Every option is traced and lengths are filled up (options.py), so XLA compiles once for each shape that is left, and once
more where there is dropout.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..contract import implementation
from .compile import NOTE, compiled
from .options import Options, cut, rows_filled_up, traced

__all__ = ["KEYS", "attend"]

KEYS = 16
"""Keys in a block: the running maximum may change after each."""

_BLOCKS = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": KEYS, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, **_BLOCKS},
    "float16": {"name": "half", **_BLOCKS},
    "bfloat16": {"name": "half", **_BLOCKS},
}


class Block(NamedTuple):
    """What belongs to one block of keys. `start` is the index of its first key."""

    start: Any
    key: Any
    value: Any
    mask: Any
    bias: Any
    segments: Any


def backward(dout: jax.Array, q: jax.Array, k: jax.Array, v: jax.Array, **options: Any) -> Any:
    """dq, dk and dv of `attend` by JAX, in one program with the forward pass that they need."""
    dq, dk, dv = _attend.pull(rows_filled_up(dout), *traced(q, k, v, options))
    return cut(dq, *q.shape[2:]), cut(dk, *k.shape[2:]), cut(dv, *v.shape[2:])


@implementation(
    name="jax/flash-scan",
    arrays="jax",
    conventions={"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "propagates"},
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    backward=backward,
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
    mask: jax.Array | None = None,
    bias: jax.Array | None = None,
    alibi_slopes: jax.Array | None = None,
    softcap: float | None = None,
    sinks: jax.Array | None = None,
    q_segments: jax.Array | None = None,
    kv_segments: jax.Array | None = None,
    kv_lengths: jax.Array | None = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32. Raises ValueError for arrays that do not fit together.
    Sources: Milakov and Gimelshein, Online normalizer calculation for softmax (2018), algorithm 3;
    Rabe and Staats, Self-attention Does Not Need O(n²) Memory (2021).
    """
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    out, lse = _attend(*traced(q, k, v, given))
    out = cut(out, q.shape[2], v.shape[3])
    return (out, cut(lse, q.shape[2])) if return_lse else out


@compiled
def _attend(q: jax.Array, k: jax.Array, v: jax.Array, options: Options, dropout: Any) -> tuple[jax.Array, jax.Array]:
    """Output and logsumexp."""
    query, blocks = q.astype(jnp.float32), _blocks(q, k, v, options)
    rows = (*q.shape[:3], 1)

    def step(carry: tuple[jax.Array, ...], block: Block) -> tuple[tuple[jax.Array, ...], None]:
        top, total, sums = carry
        scores = jnp.where(_visible(block, options), _scores(query, block, options), -jnp.inf)
        higher = jax.lax.stop_gradient(jnp.maximum(top, scores.max(axis=-1, keepdims=True)))
        shift = jnp.where(jnp.isneginf(higher), 0.0, higher)
        weights, rescale = jnp.exp(scores - shift), jnp.exp(top - shift)
        total = total * rescale + weights.sum(axis=-1, keepdims=True)
        if dropout is not None:
            weights = _dropped(weights, block.start, *dropout)
        added = jnp.matmul(weights.astype(q.dtype), block.value, precision="highest", preferred_element_type=jnp.float32)
        return (higher, total, sums * rescale + added), None

    # A sink is a key that was seen before the first block, and whose value is 0.
    sinks = jnp.broadcast_to(options.sinks[:, None, None], rows)
    shift = jax.lax.stop_gradient(jnp.where(jnp.isneginf(sinks), 0.0, sinks))
    start = (jax.lax.stop_gradient(sinks), jnp.exp(sinks - shift), jnp.zeros((*rows[:3], v.shape[3]), jnp.float32))
    (top, total, sums), _ = jax.lax.scan(step, start, blocks)
    some = jnp.where(total > 0, total, 1.0)
    return (sums / some).astype(q.dtype), jnp.where(total > 0, top + jnp.log(some), -jnp.inf)[..., 0]


def _blocks(q: jax.Array, k: jax.Array, v: jax.Array, options: Options) -> Block:
    """All blocks, stacked on a new first axis. Keys past the last are zeros, and `_visible` hides them."""
    (b, hq, sq, _), sk, group = q.shape, k.shape[2], q.shape[1] // k.shape[1]
    count = -(-sk // KEYS)

    def cut(x: jax.Array, axis: int) -> jax.Array:
        padding = [(0, 0)] * x.ndim
        padding[axis] = (0, count * KEYS - sk)
        x = jnp.pad(x, padding)
        return jnp.moveaxis(x.reshape(*x.shape[:axis], count, KEYS, *x.shape[axis + 1 :]), axis, 0)

    return Block(
        start=jnp.arange(count) * KEYS,
        key=cut(jnp.repeat(k, group, axis=1).astype(jnp.float32), 2),
        value=cut(jnp.repeat(v, group, axis=1), 2),
        mask=cut(options.mask, 3),
        bias=cut(jnp.broadcast_to(options.bias.astype(jnp.float32), (b, hq, sq, sk)), 3),
        segments=cut(options.kv_segments, 1),
    )


def _distance(block: Block, queries: int) -> jax.Array:
    """i − j, (Sq, KEYS)."""
    return jnp.arange(queries)[:, None] - (block.start + jnp.arange(KEYS))


def _scores(query: jax.Array, block: Block, options: Options) -> jax.Array:
    """Scores of a block in float32: scale, then softcap, then bias and ALiBi."""
    scores = jnp.matmul(query, block.key.swapaxes(-1, -2), precision="highest") * options.scale
    scores = jnp.where(options.capped, options.softcap * jnp.tanh(scores / options.softcap), scores)
    return scores + block.bias - options.alibi_slopes[:, None, None] * jnp.abs(_distance(block, query.shape[2]))


def _visible(block: Block, options: Options) -> jax.Array:
    """Which query sees which key of a block, (B, Hq, Sq, KEYS)."""
    distance = _distance(block, block.mask.shape[2])
    visible = block.mask & (~options.causal | (distance >= 0))
    visible = visible & (distance <= options.left) & (distance >= -options.right)
    visible = visible & (options.q_segments[:, None, :, None] == block.segments[:, None, None, :])
    keys, last = block.start + jnp.arange(KEYS), options.mask.shape[3]
    return visible & (keys < jnp.minimum(options.kv_lengths, last)[:, None, None, None])


def _dropped(weights: jax.Array, start: jax.Array, probability: jax.Array, seed: jax.Array) -> jax.Array:
    """The weights of a block after dropout; each block has coins of its own."""
    coins = jax.random.fold_in(jax.random.key(seed), start)
    kept = jax.random.bernoulli(coins, 1 - probability, weights.shape)
    return jnp.where(kept, weights / (1 - probability), 0.0)
