"""`numpy/linear-chunked` and `numpy/linear-parallel`: inside of a chunk all pairs at once, between chunks a state.

Chunks have 16 steps in the one; in the other there is a single one.
Log gates are summed over each stretch of steps by itself (Dao and Gu 2024, arXiv:2405.21060, listing 1), so that a gate of 0
is no ∞ − ∞. Corrected values of the delta rule come by substitution (Yang et al. 2024, arXiv:2406.06484, section 3.2).
Sums are float32 whatever the dtype of the inputs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import implementation
from .linear_inputs import Sequence, run

__all__ = ["CHUNK", "attend", "parallel"]

Array = NDArray[Any]

CHUNK = 16
"""Steps in a chunk."""

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "linear_attention",
    name="numpy/linear-chunked",
    dtypes=["float32", "float16", "bfloat16"],
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
)
def attend(
    q: Array,
    k: Array,
    v: Array,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: Array | None = None,
    gate: Array | None = None,
    beta: Array | None = None,
    initial_state: tuple[Array, Array] | None = None,
    return_state: bool = False,
    cu_seqlens: Array | None = None,
    kv_lengths: Array | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, Dφ, Dv), normalizer (B, H, Dφ)), float32. Raises ValueError for arguments that do not
    fit.
    """
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    return run(partial(_in_chunks, chunk=CHUNK), q, k, v, given)


@implementation(
    "linear_attention",
    name="numpy/linear-parallel",
    dtypes=["float32", "float16", "bfloat16"],
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
)
def parallel(
    q: Array,
    k: Array,
    v: Array,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: Array | None = None,
    gate: Array | None = None,
    beta: Array | None = None,
    initial_state: tuple[Array, Array] | None = None,
    return_state: bool = False,
    cu_seqlens: Array | None = None,
    kv_lengths: Array | None = None,
) -> Any:
    """As `attend`, with a matrix of all pairs of rows and steps."""
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    return run(partial(_in_chunks, chunk=max(1, k.shape[2])), q, k, v, given)


def _in_chunks(s: Sequence, chunk: int) -> tuple[Array, Array]:
    state, parts = s.state, [np.zeros((*s.query.shape[:2], 0, s.value.shape[3]), np.float32)]
    for start in range(0, s.key.shape[2], chunk):
        rows, state = _chunk(s, slice(start, start + chunk), state)
        parts.append(rows)
    return (np.concatenate(parts, axis=2) if s.causal else s.query @ state), state


def _chunk(s: Sequence, at: slice, state: Array) -> tuple[Array, Array]:
    """What causal rows of a chunk read, and the state after it."""
    active = s.active[:, None, at, None]
    key, value = (np.where(active, x[:, :, at], np.float32(0)) for x in (s.key, s.value))
    log_gate = np.where(active, s.log_gate[:, :, at], np.float32(0))
    within, ahead = _between(log_gate), np.exp(np.cumsum(log_gate, axis=2, dtype=np.float32))
    if s.beta is not None:
        value = _corrected(key, value, np.where(active[..., 0], s.beta[:, :, at], np.float32(0)), within, ahead, state)
    rows = np.zeros((*key.shape[:2], 0, value.shape[3]), np.float32)
    if s.causal:
        query = s.query[:, :, at]
        rows = _products(query, key, within) @ value + (query * ahead) @ state
    kept = key * within[:, :, -1]
    return rows, ahead[:, :, -1, :, None] * state + kept.swapaxes(-1, -2) @ value


def _between(log_gate: Array) -> Array:
    """The factors from each step to each later one, (B, H, t, s, F); 0 for earlier ones."""
    t, s = np.arange(log_gate.shape[2])[:, None], np.arange(log_gate.shape[2])[None, :]
    each = np.where((t > s)[..., None], log_gate[:, :, :, None, :], np.float32(0))
    return np.where((t >= s)[..., None], np.exp(np.cumsum(each, axis=2, dtype=np.float32)), np.float32(0))


def _products(left: Array, right: Array, within: Array) -> Array:
    """Σ_f left_tf within_tsf right_sf, (B, H, t, s)."""
    if within.shape[-1] == 1:
        scores = left @ right.swapaxes(-1, -2)
        return np.where(within[..., 0] > 0, scores, np.float32(0)) * within[..., 0]
    return np.asarray(np.einsum("bhtsf,bhsf->bhts", left[:, :, :, None, :] * within, right, optimize=False))


def _corrected(key: Array, value: Array, beta: Array, within: Array, ahead: Array, state: Array) -> Array:
    """The values that the delta rule writes, one row after the other."""
    overlaps = _products(key, key, within)
    due = value - (key * ahead) @ state
    made: Array = np.zeros_like(due)
    for t in range(key.shape[2]):
        before = (overlaps[:, :, t, None, :t] @ made[:, :, :t])[:, :, 0]
        made[:, :, t] = beta[:, :, t, None] * (due[:, :, t] - before)
    return made
