"""`jax/naive-jit`: attention as one reads it, line by line in jax.numpy, compiled by jax.jit.

It shows what XLA makes of the textbook. Scores and softmax are in float32 over whole rows; the weights are rounded to the
dtype of q, and their product with V is accumulated in float32.
Every option is traced and lengths are filled up (options.py), so XLA compiles once for each shape that is left, and once
more where there is dropout.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..contract import implementation
from .compile import NOTE, compiled
from .options import Options, cut, rows_filled_up, traced

__all__ = ["attend"]

_WHOLE_ROWS = {"weights_rounded": "after", "row_sum_from": "unrounded", "tile": 1 << 30, "splits": 1}
ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0, **_WHOLE_ROWS},
    "float16": {"name": "half", **_WHOLE_ROWS},
    "bfloat16": {"name": "half", **_WHOLE_ROWS},
}


def backward(dout: jax.Array, q: jax.Array, k: jax.Array, v: jax.Array, **options: Any) -> Any:
    """dq, dk and dv of `attend` by JAX, in one program with the forward pass that they need."""
    dq, dk, dv = _attend.pull(rows_filled_up(dout), *traced(q, k, v, options))
    return cut(dq, *q.shape[2:]), cut(dk, *k.shape[2:]), cut(dv, *v.shape[2:])


@implementation(
    name="jax/naive-jit",
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
    return_weights: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32; with return_weights also the weights that meet V (after dropout).
    Raises ValueError for arrays that do not fit together.
    Source: Vaswani et al., Attention Is All You Need (2017), equation 1.
    """
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    out, lse, weights = _attend(*traced(q, k, v, given))
    wanted = [(out, (q.shape[2], v.shape[3]))]
    wanted += [(lse, q.shape[2:3])] if return_lse else []
    wanted += [(weights, (q.shape[2], k.shape[2]))] if return_weights else []
    made = tuple(cut(x, *sizes) for x, sizes in wanted)
    return made if len(made) > 1 else made[0]


@compiled
def _attend(q: jax.Array, k: jax.Array, v: jax.Array, options: Options, dropout: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Output, logsumexp and weights."""
    group = q.shape[1] // k.shape[1]
    query, key = q.astype(jnp.float32), jnp.repeat(k, group, axis=1).astype(jnp.float32)
    distance = jnp.arange(q.shape[2])[:, None] - jnp.arange(k.shape[2])[None, :]

    scores = jnp.matmul(query, key.swapaxes(-1, -2), precision="highest") * options.scale
    scores = jnp.where(options.capped, options.softcap * jnp.tanh(scores / options.softcap), scores)
    scores = scores + options.bias.astype(jnp.float32)
    scores = scores - options.alibi_slopes[:, None, None] * jnp.abs(distance)
    scores = jnp.where(_visible(distance, options), scores, -jnp.inf)

    sinks = jnp.broadcast_to(options.sinks[:, None, None], (*q.shape[:3], 1))
    top = jnp.maximum(scores.max(axis=-1, keepdims=True, initial=-jnp.inf), sinks)
    shift = jax.lax.stop_gradient(jnp.where(jnp.isneginf(top), 0.0, top))
    weights = jnp.exp(scores - shift)
    total = weights.sum(axis=-1, keepdims=True) + jnp.exp(sinks - shift)
    some = jnp.where(total == 0, 1.0, total)
    lse = jnp.where(total == 0, -jnp.inf, shift + jnp.log(some))[..., 0]
    weights = weights / some
    if dropout is not None:
        probability, seed = dropout
        kept = jax.random.bernoulli(jax.random.key(seed), 1 - probability, weights.shape)
        weights = jnp.where(kept, weights / (1 - probability), 0.0)
    weights = weights.astype(q.dtype)

    value = jnp.repeat(v, group, axis=1)
    out = jnp.matmul(weights, value, precision="highest", preferred_element_type=jnp.float32)
    return out.astype(q.dtype), lse, weights


def _visible(distance: jax.Array, options: Options) -> jax.Array:
    """Which query sees which key, (B, Hq, Sq, Sk). distance: i − j, (Sq, Sk)."""
    keys = jnp.arange(distance.shape[1])
    visible = options.mask & (~options.causal | (distance >= 0))
    visible = visible & (distance <= options.left) & (distance >= -options.right)
    visible = visible & (options.q_segments[:, None, :, None] == options.kv_segments[:, None, None, :])
    return visible & (keys < options.kv_lengths[:, None, None, None])
