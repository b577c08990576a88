"""`jax/linear-chunked` and `jax/linear-parallel`: all pairs at once inside of a chunk, with jax.lax.scan from chunk to chunk.

Chunks have 16 steps in the one; in the other there is a single one. Log gates are summed over each stretch of steps by
itself (Dao and Gu 2024, arXiv:2405.21060, listing 1). Corrected values of the delta rule are the solution of a triangular
system (Yang et al. 2024, arXiv:2406.06484, section 3.2). Sums are float32 whatever the dtype of the inputs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ..contract import implementation
from .compile import NOTE, compiled
from .linear_inputs import Given, answered, features, finished, read

__all__ = ["CHUNK", "attend", "parallel"]

CHUNK = 16
"""Steps in a chunk."""

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "linear_attention",
    name="jax/linear-chunked",
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
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: jax.Array | None = None,
    gate: jax.Array | None = None,
    beta: jax.Array | None = None,
    initial_state: tuple[jax.Array, jax.Array] | None = None,
    return_state: bool = False,
    kv_lengths: jax.Array | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, Dφ, Dv), normalizer (B, H, Dφ)), float32. Raises ValueError for arguments that do not
    fit.
    """
    options = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    given, degree, delta = read(q, k, v, options)
    out, state = _attend(given, degree, delta, CHUNK)
    return answered(out, state, q.shape[2], return_state)


@implementation(
    "linear_attention",
    name="jax/linear-parallel",
    arrays="jax",
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
    notes=[NOTE],
)
def parallel(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: jax.Array | None = None,
    gate: jax.Array | None = None,
    beta: jax.Array | None = None,
    initial_state: tuple[jax.Array, jax.Array] | None = None,
    return_state: bool = False,
    kv_lengths: jax.Array | None = None,
) -> Any:
    """As `attend`, with a matrix of all pairs of rows and steps."""
    options = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    given, degree, delta = read(q, k, v, options)
    out, state = _attend(given, degree, delta, max(1, given.k.shape[2]))
    return answered(out, state, q.shape[2], return_state)


@compiled(static_argnums=(1, 2, 3))
def _attend(g: Given, degree: int, delta: bool, chunk: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    b, h, sk = g.k.shape[:3]
    query, key = (features(x, g.mapped, degree) for x in (g.q, g.k))
    active = g.active[:, None, :, None]
    value = jnp.concatenate([g.v.astype(jnp.float32), jnp.ones((b, h, sk, 1), jnp.float32)], axis=-1)
    log_gate = jnp.where(active, g.gate + jnp.log(g.decay)[:, None, None], 0.0)
    own = query if query.shape[2] == sk else jnp.zeros_like(key)
    beta = jnp.where(active, g.beta[..., None], 0.0)
    chunks = tuple(_chunks(x, chunk) for x in (own, jnp.where(active, key, 0.0), jnp.where(active, value, 0.0), log_gate, beta))
    first = jnp.concatenate([g.state, g.normalizer[..., None]], axis=-1)
    last, rows = jax.lax.scan(partial(_chunk, delta=delta), first, chunks)
    plain = jnp.matmul(query, last, precision="highest")
    if query.shape[2] == sk:
        causal = jnp.moveaxis(rows, 0, 2).reshape(b, h, -1, value.shape[3])[:, :, :sk]
        plain = jnp.where(g.causal, causal, plain)
    return finished(plain, g), (last[..., :-1], last[..., -1])


def _chunks(x: Any, chunk: int) -> Any:
    """(B, H, S, …) in chunks, on a new first axis, with zeros for what the last lacks."""
    b, h, steps = x.shape[:3]
    count = -(-steps // chunk)
    x = jnp.pad(x, [(0, 0), (0, 0), (0, count * chunk - steps), (0, 0)])
    return jnp.moveaxis(x.reshape(b, h, count, chunk, x.shape[3]), 2, 0)


def _chunk(state: Any, given: Any, *, delta: bool) -> Any:
    query, key, value, log_gate, beta = given
    within, ahead = _between(log_gate), jnp.exp(jnp.cumsum(log_gate, axis=2))
    if delta:
        system = jnp.tril(_products(key, key, within), -1) * beta + jnp.eye(key.shape[2])
        due = beta * (value - jnp.matmul(key * ahead, state, precision="highest"))
        value = jax.scipy.linalg.solve_triangular(system, due, lower=True, unit_diagonal=True)
    rows = jnp.matmul(_products(query, key, within), value, precision="highest")
    rows = rows + jnp.matmul(query * ahead, state, precision="highest")
    kept = (key * within[:, :, -1]).swapaxes(-1, -2)
    return ahead[:, :, -1, :, None] * state + jnp.matmul(kept, value, precision="highest"), rows


def _between(log_gate: Any) -> Any:
    """The factors from each step to each later one, (B, H, t, s, F); 0 for earlier ones."""
    steps = jnp.arange(log_gate.shape[2])
    t, s = steps[:, None, None], steps[None, :, None]
    each = jnp.where(t > s, log_gate[:, :, :, None, :], 0.0)
    return jnp.where(t >= s, jnp.exp(jnp.cumsum(each, axis=2)), 0.0)


def _products(left: Any, right: Any, within: Any) -> Any:
    """Σ_f left_tf within_tsf right_sf, (B, H, t, s)."""
    if within.shape[-1] == 1:
        scores = jnp.matmul(left, right.swapaxes(-1, -2), precision="highest")
        return jnp.where(within[..., 0] > 0, scores, 0.0) * within[..., 0]
    return ((left[:, :, :, None, :] * within) * right[:, :, None, :, :]).sum(axis=-1)
