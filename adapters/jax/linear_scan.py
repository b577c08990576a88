"""`jax/linear-scan`: all states at once by an associative scan over the steps; the delta rule by a scan one step at a time.

Two stretches of steps (a, S) and (a', S') together are (a a', a' S + S'). Where a packed sequence starts, a is 0 and the
decayed initial state stands in S: then nothing crosses. Sums are float32 whatever the dtype of the inputs.
Source: Blelloch 1990, Prefix sums and their applications, section 1.4.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..contract import implementation
from .compile import NOTE, compiled
from .linear_inputs import Given, answered, features, finished, read

__all__ = ["ARITHMETIC", "attend"]

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "linear_attention",
    name="jax/linear-scan",
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
    cu_seqlens: jax.Array | None = None,
    kv_lengths: jax.Array | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, Dφ, Dv), normalizer (B, H, Dφ)), float32. Raises ValueError for arguments that do not
    fit.
    """
    options = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    given, degree, delta = read(q, k, v, options)
    out, state = _attend(given, degree, delta, cu_seqlens is not None)
    return answered(out, state, q.shape[2], return_state)


@compiled(static_argnums=(1, 2, 3))
def _attend(g: Given, degree: int, delta: bool, packed: bool) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    b, h, sk = g.k.shape[:3]
    query, key = (features(x, g.mapped, degree) for x in (g.q, g.k))
    value = jnp.concatenate([g.v.astype(jnp.float32), jnp.ones((b, h, sk, 1), jnp.float32)], axis=-1)
    first = jnp.concatenate([g.state, g.normalizer[..., None]], axis=-1)
    active = g.active[:, None, :, None]
    gates = jnp.where(active, jnp.exp(g.gate + jnp.log(g.decay)[:, None, None]), 1.0)
    key, value = jnp.where(active, key, 0.0), jnp.where(active, value, 0.0)
    starts = jnp.concatenate([jnp.ones(min(sk, 1), bool), g.sequence[1:] != g.sequence[:-1]])
    if packed:
        found = jnp.moveaxis(first[g.sequence], 0, 1)[None]  # (1, H, S, Dφ, E)
    else:
        found = jnp.broadcast_to(first[:, :, None], (b, h, sk, *first.shape[2:]))
    beta = jnp.where(g.active[:, None], g.beta, 0.0)
    states = _delta(key, value, gates, beta, starts, found) if delta else _scanned(key, value, gates, starts, found)
    last = _last(states, first, g.cuts, packed)
    causal = jnp.einsum("bhsf,bhsfe->bhse", query, states, precision="highest") if query.shape[2] == sk else None
    if packed:
        own = jnp.moveaxis(last[g.sequence], 0, 1)[None]
        plain = jnp.einsum("bhsf,bhsfe->bhse", query, own, precision="highest")
    else:
        plain = jnp.einsum("bhsf,bhfe->bhse", query, last, precision="highest")
    sums = plain if causal is None else jnp.where(g.causal, causal, plain)
    return finished(sums, g), (last[..., :-1], last[..., -1])


def _scanned(key: Any, value: Any, gates: Any, starts: Any, found: Any) -> jax.Array:
    """The state after each step, (B, H, S, Dφ, E)."""
    start = starts[:, None, None]
    factor = jnp.broadcast_to(gates, key.shape)[..., None]
    written = key[..., :, None] * value[..., None, :]
    written = jnp.where(start, factor * found, 0.0) + written

    def together(a: Any, b: Any) -> Any:
        return a[0] * b[0], b[0] * a[1] + b[1]

    return jax.lax.associative_scan(together, (jnp.where(start, 0.0, factor), written), axis=2)[1]


def _delta(key: Any, value: Any, gates: Any, beta: Any, starts: Any, found: Any) -> jax.Array:
    """The same under the delta rule."""

    def step(state: Any, given: Any) -> Any:
        key, value, gate, beta, start, found = given
        decayed = gate[..., None] * jnp.where(start, found, state)
        read = jnp.einsum("bhf,bhfe->bhe", key, decayed, precision="highest")
        state = decayed + key[..., None] * (beta[..., None] * (value - read))[..., None, :]
        return state, state

    each = (*(jnp.moveaxis(x, 2, 0) for x in (key, value, gates, beta)), starts, jnp.moveaxis(found, 2, 0))
    nothing = jnp.zeros((*key.shape[:2], key.shape[3], value.shape[3]), jnp.float32)
    return jnp.moveaxis(jax.lax.scan(step, nothing, each)[1], 0, 2)


def _last(states: Any, first: Any, cuts: Any, packed: bool) -> jax.Array:
    """The state after the last step of each sequence; one without a step keeps what it found."""
    if states.shape[2] == 0:
        return first
    if not packed:
        return states[:, :, -1]
    ends = jnp.moveaxis(states[0][:, jnp.maximum(cuts[1:] - 1, 0)], 1, 0)
    return jnp.where((cuts[1:] > cuts[:-1])[:, None, None, None], ends, first)
