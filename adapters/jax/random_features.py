"""`jax/random-features`: positive random features (FAVOR+), compiled, the causal sum over all pairs at once.

XLA compiles anew for each shape, so features are filled up to a multiple of 64 with some whose exponent is −∞ and which weigh
nothing; scale and causality are traced. From the exponents of a query its largest is subtracted, and from those of all keys of
a head theirs. Sums are float32 whatever the dtype of the inputs. Choromanski et al. 2021, arXiv:2009.14794.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..contract import implementation
from ..random_inputs import check_random
from .compile import NOTE, compiled
from .options import filled_up

__all__ = ["attend", "draw"]

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "random_feature_attention",
    name="jax/random-features",
    arrays="jax",
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    notes=[NOTE],
)
def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    projection: jax.Array | None = None,
    num_features: int | None = None,
    seed: int = 0,
    orthogonal: bool = False,
    causal: bool = False,
    scale: float | None = None,
) -> jax.Array:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    Raises ValueError for arguments that do not fit.
    """
    shape = None if projection is None else projection.shape
    m, factor = check_random(
        q.shape, k.shape, v.shape, (q.dtype, k.dtype, v.dtype),
        projection=shape, num_features=num_features, causal=causal, scale=scale,
    )  # fmt: skip
    w = filled_up(draw(m, q.shape[3], seed, orthogonal) if projection is None else projection, 0)
    made: jax.Array = _attend(q, k, v, w, np.arange(w.shape[0]) < m, np.float32(factor**0.5), causal)
    return made


@partial(compiled, static_argnums=(6,))
def _attend(q: Any, k: Any, v: Any, w: Any, known: Any, root: Any, causal: bool) -> Any:
    query, key = (_exponents(x.astype(jnp.float32) * root, w, known) for x in (q, k))
    query = jnp.exp(query - query.max(axis=3, keepdims=True))
    key = jnp.exp(key - key.max(axis=(2, 3), keepdims=True))
    value = jnp.concatenate([v.astype(jnp.float32), jnp.ones((*v.shape[:3], 1), jnp.float32)], axis=3)
    exact = partial(jnp.matmul, precision="highest")
    if causal:
        sums = exact(jnp.tril(exact(query, key.swapaxes(2, 3))), value)
    else:
        sums = exact(query, exact(key.swapaxes(2, 3), value))
    return (sums[..., :-1] / sums[..., -1:]).astype(q.dtype)


@partial(compiled, static_argnums=(0, 1, 3))
def draw(m: int, d: int, seed: Any, orthogonal: bool) -> Any:
    """A projection (m, D) of normal rows, float32. orthogonal: blocks of D rows of a random rotation, each with a length of its
    own.
    """
    rows_key, lengths_key = jax.random.split(jax.random.key(seed))
    if not orthogonal:
        return jax.random.normal(rows_key, (m, d), jnp.float32)
    blocks, triangles = jnp.linalg.qr(jax.random.normal(rows_key, (-(-m // d), d, d), jnp.float32))
    signs = jnp.where(jnp.diagonal(triangles, axis1=1, axis2=2) < 0, -1.0, 1.0)  # without which the rotation is not uniform
    rows = jnp.swapaxes(blocks * signs[:, None, :], 1, 2).reshape(-1, d)[:m]
    return jnp.linalg.norm(jax.random.normal(lengths_key, (m, d), jnp.float32), axis=1, keepdims=True) * rows


def _exponents(x: Any, w: Any, known: Any) -> Any:
    """w·x − |x|²/2, (B, H, S, m); −∞ for features that stand for none."""
    products = jnp.matmul(x, w.astype(jnp.float32).T, precision="highest")
    return jnp.where(known, products - (x * x).sum(axis=3, keepdims=True) / 2, -jnp.inf)
