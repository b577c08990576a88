"""What every JAX implementation that is written here checks before it computes.

Shapes are known while JAX traces, so a call that makes no sense ends in a sentence and is never compiled.
"""

from __future__ import annotations

import jax

__all__ = ["check_shapes"]


def check_shapes(q: jax.Array, k: jax.Array, v: jax.Array) -> None:
    """Raise ValueError unless q is (B, Hq, Sq, D), k (B, Hkv, Sk, D) and v (B, Hkv, Sk, Dv), Hkv divides Hq, in one dtype."""
    for name, array in (("q", q), ("k", k), ("v", v)):
        if array.ndim != 4:
            raise ValueError(f"{name} must be (B, H, S, D), not {array.shape}")
        if array.dtype != q.dtype or array.shape[0] != q.shape[0]:
            raise ValueError(
                f"{name} is {array.dtype}{list(array.shape)} and q {q.dtype}{list(q.shape)}: dtype and B must agree"
            )
    if k.shape[3] != q.shape[3]:
        raise ValueError(f"k has {k.shape[3]} features and q has {q.shape[3]}; they must be equal")
    if k.shape[1:3] != v.shape[1:3]:
        raise ValueError(f"k has (heads, positions) {k.shape[1:3]} and v has {v.shape[1:3]}; they must be equal")
    if k.shape[1] == 0 or q.shape[1] % k.shape[1]:
        raise ValueError(f"{q.shape[1]} query heads are not a multiple of {k.shape[1]} key/value heads")
