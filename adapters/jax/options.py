"""Options as arrays that are always there, and lengths that are filled up, so that few programs serve many calls.

XLA compiles anew for each shape and for each option that comes or goes. An option that is not given therefore gets the value
that changes nothing, not by a bit: bias 0, a sink of −inf, a window without end. Numbers are traced, never constants.
Queries and keys are filled up to whole multiples of 64, as inference servers do, with rows that nobody reads and keys that
nobody sees, and heads to multiples of 64 features, which are 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from .inputs import check_shapes

__all__ = ["Call", "Options", "cut", "filled_up", "options_as_arrays", "rows_filled_up", "traced"]

LENGTH, WIDTH = 64, 64
"""Queries and keys, and features, are filled up to a multiple of these."""

NO_LIMIT = 1 << 30
"""A side of a window that reaches past every key. Positions are added to it in int32."""


class Options(NamedTuple):
    """Every option of a call, given or neutral.

    scale, softcap: float32 (); capped, causal: bool (). left, right: int32 (), the sides of the window.
    mask: bool (B, Hq, Sq, Sk). bias: any shape that broadcasts to it. alibi_slopes, sinks: (Hq,).
    q_segments: (B, Sq), kv_segments: (B, Sk), kv_lengths: (B,), int32.
    """

    scale: Any
    causal: Any
    left: Any
    right: Any
    mask: Any
    bias: Any
    alibi_slopes: Any
    softcap: Any
    capped: Any
    sinks: Any
    q_segments: Any
    kv_segments: Any
    kv_lengths: Any


def options_as_arrays(q: jax.Array, k: jax.Array, given: dict[str, Any]) -> Options:
    """The options of a call with q (B, Hq, Sq, D) and k (B, Hkv, Sk, D), by name, None or missing where not given.

    Raises ValueError where q_segments comes without kv_segments, or a mask or bias does not broadcast to (B, Hq, Sq, Sk).
    """
    (b, hq, sq, d), sk = q.shape, k.shape[2]
    scale, softcap, bias = given.get("scale"), given.get("softcap"), given.get("bias")
    left, right = given.get("window") or (None, None)
    if (given.get("q_segments") is None) != (given.get("kv_segments") is None):
        raise ValueError("q_segments and kv_segments come together; give both")
    if bias is not None and np.broadcast_shapes(bias.shape, (b, hq, sq, sk)) != (b, hq, sq, sk):
        raise ValueError(f"bias {bias.shape} does not broadcast to {(b, hq, sq, sk)}")

    def filled(name: str, shape: tuple[int, ...], neutral: float, dtype: Any) -> Any:
        return np.full(shape, neutral, dtype) if given.get(name) is None else given[name]

    return Options(
        scale=np.float32(1 / np.sqrt(max(d, 1)) if scale is None else scale),
        causal=np.bool_(given.get("causal", False)),
        left=np.int32(NO_LIMIT if left is None else left),
        right=np.int32(NO_LIMIT if right is None else right),
        # A mask has no gradient, so NumPy may spread it out; jax.numpy would compile that, once for each pair of shapes.
        mask=np.broadcast_to(np.asarray(filled("mask", (1,), True, bool)), (b, hq, sq, sk)),
        bias=np.zeros((1, 1, 1, 1), q.dtype) if bias is None else bias,
        alibi_slopes=filled("alibi_slopes", (hq,), 0.0, np.float32),
        softcap=np.float32(1.0 if softcap is None else softcap),
        capped=np.bool_(softcap is not None),
        sinks=filled("sinks", (hq,), -np.inf, np.float32),
        q_segments=filled("q_segments", (b, sq), 0, np.int32),
        kv_segments=filled("kv_segments", (b, sk), 0, np.int32),
        kv_lengths=filled("kv_lengths", (b,), sk, np.int32),
    )


class Call(NamedTuple):
    """What a kernel is compiled for. dropout: probability and seed, or None."""

    q: Any
    k: Any
    v: Any
    options: Options
    dropout: Any


def traced(q: jax.Array, k: jax.Array, v: jax.Array, given: dict[str, Any]) -> Call:
    """The call of a kernel, filled up except inside a transformation of JAX, where no array has values.

    Raises ValueError for arrays that do not fit together.
    """
    check_shapes(q, k, v)
    probability = given.get("dropout_p")
    dropout = (np.float32(probability), np.uint32(given.get("seed", 0))) if probability else None
    options = options_as_arrays(q, k, given)
    if any(isinstance(x, jax.core.Tracer) for x in (q, k, v, *options)):
        return Call(q, k, v, options, dropout)
    whole = (*options.mask.shape[:2], q.shape[2], k.shape[2])
    filled = options._replace(
        mask=filled_up(filled_up(options.mask, 2), 3),
        bias=filled_up(filled_up(np.broadcast_to(np.asarray(options.bias), whole), 2), 3),
        q_segments=filled_up(options.q_segments, 1),
        kv_segments=filled_up(options.kv_segments, 1),
        kv_lengths=np.minimum(np.asarray(options.kv_lengths), k.shape[2]),
    )
    return Call(rows_filled_up(q), rows_filled_up(k), rows_filled_up(v), filled, dropout)


def rows_filled_up(x: Any) -> Any:
    """x (B, H, S, D) with rows and features of zeros after its last ones."""
    return filled_up(filled_up(x, 2), 3, WIDTH)


def filled_up(x: Any, axis: int, multiple: int = LENGTH) -> Any:
    """x with zeros after its last entry on an axis, up to a multiple. By NumPy: JAX would compile it each time."""
    missing = -x.shape[axis] % multiple
    if not missing or isinstance(x, jax.core.Tracer):
        return x
    made = np.zeros([size + missing * (n == axis) for n, size in enumerate(x.shape)], np.asarray(x).dtype)
    made[tuple(map(slice, x.shape))] = x
    return made


def cut(x: jax.Array, *sizes: int) -> jax.Array:
    """The first entries of x on its axes after batch and heads: what was filled up is left out again."""
    if isinstance(x, jax.core.Tracer) or x.shape[2 : 2 + len(sizes)] == sizes:
        return x
    return jax.device_put(np.asarray(x)[(slice(None), slice(None), *map(slice, sizes))], next(iter(x.devices())))
