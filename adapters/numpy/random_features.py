"""`numpy/random-features`: positive random features (FAVOR+), the causal sum in chunks of 16 keys with a state between them.

From the exponents of a query its largest is subtracted, and from those of all keys of a head theirs: factors that cancel, half
squares included, so that no feature of a long vector is lost. Sums are float32 whatever the dtype of the inputs. Choromanski
et al. 2021, arXiv:2009.14794.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import implementation
from ..random_inputs import check_random

__all__ = ["CHUNK", "attend", "draw"]

Array = NDArray[Any]
F32 = np.float32

CHUNK = 16
"""Keys in a chunk of the causal sum."""

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "random_feature_attention",
    name="numpy/random-features",
    dtypes=["float32", "float16", "bfloat16"],
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
)
def attend(
    q: Array,
    k: Array,
    v: Array,
    *,
    projection: Array | None = None,
    num_features: int | None = None,
    seed: int = 0,
    orthogonal: bool = False,
    causal: bool = False,
    scale: float | None = None,
) -> Array:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    Raises ValueError for arguments that do not fit.
    """
    shape = None if projection is None else projection.shape
    m, factor = check_random(
        q.shape, k.shape, v.shape, (q.dtype, k.dtype, v.dtype),
        projection=shape, num_features=num_features, causal=causal, scale=scale,
    )  # fmt: skip
    w = (draw(m, q.shape[3], seed, orthogonal) if projection is None else projection).astype(F32)
    root = F32(factor**0.5)
    with np.errstate(all="ignore"):
        query, key = (_exponents(np.ascontiguousarray(x, dtype=F32) * root, w) for x in (q, k))
        query = np.exp(query - query.max(axis=3, keepdims=True, initial=-np.inf))
        key = np.exp(key - key.max(axis=(2, 3), keepdims=True, initial=-np.inf))
        value = np.concatenate([v.astype(F32), np.ones((*v.shape[:3], 1), F32)], axis=3)
        sums = _causal(query, key, value) if causal else query @ (key.swapaxes(2, 3) @ value)
        return (sums[..., :-1] / sums[..., -1:]).astype(q.dtype)


def draw(m: int, d: int, seed: int, orthogonal: bool) -> Array:
    """A projection (m, D) of normal rows, float32. orthogonal: blocks of D rows of a random rotation, each with a length of its
    own.
    """
    rng = np.random.default_rng(seed)
    if not orthogonal:
        return rng.standard_normal((m, d), dtype=F32)
    blocks, triangles = np.linalg.qr(rng.standard_normal((-(-m // d), d, d)))
    signs = np.copysign(1.0, np.diagonal(triangles, axis1=1, axis2=2))  # without which the rotation is not uniform
    rows = np.swapaxes(blocks * signs[:, None, :], 1, 2).reshape(-1, d)[:m]
    lengths = np.sqrt(rng.chisquare(d, (m, 1)))
    return np.asarray(lengths * rows, dtype=F32)


def _exponents(x: Array, w: Array) -> Array:
    """w·x − |x|²/2, (B, H, S, m)."""
    return np.asarray(x @ w.T - (x * x).sum(axis=3, keepdims=True) / F32(2))


def _causal(query: Array, key: Array, value: Array) -> Array:
    state = np.zeros((*key.shape[:2], key.shape[3], value.shape[3]), F32)
    parts = [value[:, :, :0]]
    for start in range(0, key.shape[2], CHUNK):
        at = slice(start, start + CHUNK)
        scores = np.tril(query[:, :, at] @ key[:, :, at].swapaxes(2, 3))
        parts.append(scores @ value[:, :, at] + query[:, :, at] @ state)
        state = state + key[:, :, at].swapaxes(2, 3) @ value[:, :, at]
    return np.concatenate(parts, axis=2)
