"""Arguments of linear attention in JAX: checked, in float32, features made, options as arrays that are always there.

XLA compiles anew for each shape and for each option that comes or goes, so what is not given gets the value that changes
nothing: a log gate of 0, a state of zeros, a scale of 1. Only Taylor maps and the delta rule are compiled by themselves.
Steps and rows are filled up (options.py), with steps of padding and rows that nobody reads.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..linear_inputs import TAYLOR, check_linear
from .options import cut, filled_up

__all__ = ["Given", "answered", "features", "finished", "read"]

SIMPLE = ("identity", "elu1", "relu", "exp")


class Given(NamedTuple):
    """What is traced. q, k: (B, H, S, D), v: (B, H, Sk, Dv), in the dtype of the call. gate: (B, H, Sk, 1 or Dφ), decay: (H,).

    beta: (B, H, Sk). active: bool (B, Sk). state: (N, H, Dφ, Dv), normalizer: (N, H, Dφ). sequence: int (Sk,), to which
    sequence a step belongs, cuts: int (N + 1,), both of one sequence where nothing is packed. mapped: the place of the feature
    map in SIMPLE.
    """

    q: Any
    k: Any
    v: Any
    gate: Any
    decay: Any
    beta: Any
    active: Any
    state: Any
    normalizer: Any
    sequence: Any
    cuts: Any
    mapped: Any
    causal: Any
    normalize: Any
    scale: Any


def read(q: jax.Array, k: jax.Array, v: jax.Array, options: dict[str, Any]) -> tuple[Given, int, bool]:
    """The arguments of a call; the degree of its Taylor map, 0 for another; and whether the delta rule applies.

    Raises ValueError for arguments that do not fit together.
    """
    arrays = {name: options[name] for name in ("decay", "gate", "beta") if options.get(name) is not None}
    given_state = options.get("initial_state")
    if given_state is not None:
        arrays |= {"state": given_state[0], "normalizer": given_state[1]}
    packed = None if options.get("cu_seqlens") is None else np.asarray(options["cu_seqlens"])
    lengths = None if options.get("kv_lengths") is None else np.asarray(options["kv_lengths"])
    name = options["feature_map"]
    check_linear(
        {"q": q.shape, "k": k.shape, "v": v.shape, **{each: x.shape for each, x in arrays.items()}},
        (q.dtype, k.dtype, v.dtype),
        feature_map=name,
        causal=options["causal"],
        normalize=options["normalize"],
        packed=None if packed is None else packed.tolist(),
        lengths=None if lengths is None else lengths.tolist(),
    )
    (b, h, sk, d), dv = k.shape, v.shape[3]
    degree = TAYLOR.get(name, 0)
    phi = sum(d**m for m in range(degree + 1)) if degree else d
    gate, beta = (arrays.get(name, np.zeros((b, h, sk), np.float32)) for name in ("gate", "beta"))
    cuts = np.array([0, sk]) if packed is None else packed
    entries = b if packed is None else len(cuts) - 1
    state = given_state or (np.zeros((entries, h, phi, dv), np.float32), np.zeros((entries, h, phi), np.float32))
    lengths = np.full(b, sk) if lengths is None else lengths
    if not any(isinstance(x, jax.core.Tracer) for x in (q, k, v, gate, beta)):
        q, k, v, gate, beta = (filled_up(x, 2) for x in (q, k, v, gate, beta))
    steps = np.arange(k.shape[2])
    made = Given(
        q=q,
        k=k,
        v=v,
        gate=gate[..., None] if gate.ndim == 3 else gate,
        decay=arrays.get("decay", np.ones(h, np.float32)),
        beta=beta,
        active=steps < lengths[:, None],
        state=state[0],
        normalizer=state[1],
        sequence=np.minimum(np.searchsorted(cuts, steps, side="right"), len(cuts) - 1) - 1,
        cuts=cuts.astype(np.int32),
        mapped=np.int32(SIMPLE.index(name) if name in SIMPLE else 0),
        causal=np.bool_(options["causal"]),
        normalize=np.bool_(options["normalize"]),
        scale=np.float32(1 if options.get("scale") is None else options["scale"]),
    )
    return made, degree, "beta" in arrays


def features(x: jax.Array, mapped: Any, degree: int) -> jax.Array:
    """φ(x) in float32, (…, D) to (…, Dφ)."""
    x = x.astype(jnp.float32)
    if not degree:
        elu1 = jnp.where(x > 0, x + 1, jnp.exp(jnp.minimum(x, 0.0)))
        return jnp.select([mapped == n for n in range(4)], [x, elu1, jnp.maximum(x, 0.0), jnp.exp(x)])
    powers = [jnp.ones_like(x[..., :1])]
    for m in range(1, degree + 1):
        powers.append((powers[-1][..., :, None] * x[..., None, :]).reshape(*x.shape[:-1], x.shape[-1] ** m))
    return jnp.concatenate([power / math.sqrt(math.factorial(m)) for m, power in enumerate(powers)], axis=-1)


def finished(sums: jax.Array, g: Given) -> jax.Array:
    """The output from what rows read, (B, H, Sq, Dv + 1)."""
    out = sums[..., :-1] * g.scale
    return jnp.where(g.normalize, out / (sums[..., -1:] * g.scale), out).astype(g.q.dtype)


def answered(out: jax.Array, state: Any, rows: int, return_state: bool) -> Any:
    """What the caller asked for: the first rows of the output, which was filled up, and the state."""
    out = cut(out, rows)
    return (out, state) if return_state else out
