"""Random feature attention once more, as running sums over the keys: features as numbers, and a state that they are added to.

Written from the paper's algorithm 1 and not from `definition`, whose code it shares nothing with, so that agreement of the two
says something. Before exponents are taken, each query is shifted by its largest feature and all keys of a head by theirs: a
factor that is common to all weights of a row cancels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["running_sums"]

Array = NDArray[Any]


def running_sums(q: Any, k: Any, v: Any, projection: Any, *, scale: float | None = None, causal: bool = False) -> Array:
    """The output (B, H, Sq, Dv) for q (B, H, Sq, D), k (B, H, Sk, D), v (B, H, Sk, Dv) and a projection (m, D), in float64."""
    q, k, v, w = (np.asarray(x, dtype=np.float64) for x in (q, k, v, projection))
    factor = q.shape[-1] ** -0.25 if scale is None else scale**0.5
    query, key = _logarithms(q * factor, w), _logarithms(k * factor, w)
    phi_q = np.exp(query - query.max(axis=3, keepdims=True, initial=-np.inf))
    phi_k = np.exp(key - key.max(axis=(2, 3), keepdims=True, initial=-np.inf))
    state, normalizer = np.zeros((*k.shape[:2], w.shape[0], v.shape[3])), np.zeros((*k.shape[:2], w.shape[0]))
    out = np.zeros((*q.shape[:3], v.shape[3]))
    for step in range(k.shape[2]):
        state = state + np.einsum("bhm,bhe->bhme", phi_k[:, :, step], v[:, :, step])
        normalizer = normalizer + phi_k[:, :, step]
        if causal:
            out[:, :, step] = _read(phi_q[:, :, step], state, normalizer)
    if not causal:
        for row in range(q.shape[2]):
            out[:, :, row] = _read(phi_q[:, :, row], state, normalizer)
    return out


def _logarithms(x: Array, w: Array) -> Array:
    return np.asarray(np.einsum("bhsd,md->bhsm", x, w) - np.einsum("bhsd,bhsd->bhs", x, x)[..., None] / 2)


def _read(phi: Array, state: Array, normalizer: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.einsum("bhm,bhme->bhe", phi, state) / np.einsum("bhm,bhm->bh", phi, normalizer)[..., None])
