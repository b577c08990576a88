"""Two more orders in which linear attention can be computed: all pairs at once, and chunk after chunk.

Both are written from the closed form, not from the recurrence, so that agreement of the three says something:

    S_t = (Π_{r ≤ t} g_r) S_0 + Σ_{s ≤ t} (Π_{s < r ≤ t} g_r) φ(k_s) u_sᵀ,

with u_s = v_s, or for the delta rule the corrected values u that solve, over all steps s, the triangular system
u_t + β_t Σ_{s < t} (φ(k_t) · Π_{s < r ≤ t} g_r φ(k_s)) u_s = β_t (v_t − ((Π_{r ≤ t} g_r) S_0)ᵀφ(k_t)).

Sources: Yang et al. 2024, arXiv:2406.06484, section 3 (the WY form); Dao and Gu 2024 (Mamba-2), arXiv:2405.21060, listing 1,
for sums of log gates over stretches of steps, which subtract no two sums from each other and so bear a gate of 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .features import features
from .reading import Linear, State, joined, read

__all__ = ["chunked", "in_order", "parallel"]

Array = NDArray[Any]


def in_order(q: Any, k: Any, v: Any, *, chunk: int | None, **options: Any) -> tuple[Array, State]:
    """The output and (state, normaliser) of a call, in chunks of so many steps; None for all pairs at once.

    Raises ValueError as `reading.read` does.
    """
    sequences, packed = read(q, k, v, **options), options.get("cu_seqlens") is not None
    parts = [parallel(given) if chunk is None else chunked(given, chunk) for given in sequences]
    state, normalizer = (joined([state[n] for _, state in parts], packed, 0) for n in (0, 1))
    return joined([out for out, _ in parts], packed, 2), (state, normalizer)


def parallel(given: Linear) -> tuple[Array, State]:
    """One sequence with a matrix of all pairs of rows and keys."""
    rows, (sums, state) = _stretch(given, slice(0, given.k.shape[2]), _start(given))
    if not given.causal:
        sums = np.einsum("bhqf,bhfe->bhqe", rows, state)
    return _quotient(given, sums), (state[..., :-1], state[..., -1])


def chunked(given: Linear, chunk: int) -> tuple[Array, State]:
    """One sequence, chunk after chunk. Each finds a state, and leaves one."""
    state, parts = _start(given), []
    for start in range(0, given.k.shape[2], chunk):
        _, (sums, state) = _stretch(given, slice(start, min(start + chunk, given.k.shape[2])), state)
        parts.append(sums)
    if given.causal and parts:
        sums = np.concatenate(parts, axis=2)
    else:
        sums = np.einsum("bhqf,bhfe->bhqe", features(given.feature_map, given.q), state)
    return _quotient(given, sums), (state[..., :-1], state[..., -1])


def _start(given: Linear) -> Array:
    return np.concatenate([given.state, given.normalizer[..., None]], axis=-1)


def _quotient(given: Linear, sums: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., :-1] / sums[..., -1:] if given.normalize else given.scale * sums[..., :-1])


def _stretch(given: Linear, at: slice, state: Array) -> tuple[Array, tuple[Array, Array]]:
    """Features of all queries; and of the steps of a stretch the sums that causal rows read, and the state after it."""
    active = given.active[:, None, at, None]
    key = features(given.feature_map, given.k[:, :, at]) * active
    value = np.concatenate([given.v[:, :, at], np.ones((*given.v[:, :, at].shape[:3], 1))], axis=-1)
    value = np.where(active, value, 0.0)
    log_gate = np.where(active, given.log_gate[:, :, at], 0.0)
    within = np.exp(_sums_between(log_gate))  # (B, H, t, s, 1 | Dφ)
    ahead = np.exp(np.cumsum(log_gate, axis=2))
    if given.beta is not None:
        value = _corrected(key, value, given.beta[:, :, at] * active[..., 0], within, ahead, state)
    query = features(given.feature_map, given.q)
    sums = np.zeros((*key.shape[:3], value.shape[-1]))
    if given.causal:
        own = query[:, :, at]
        scores = np.einsum("bhtf,bhtsf,bhsf->bhts", own, np.broadcast_to(within, (*within.shape[:4], key.shape[-1])), key)
        sums = scores @ value + (own * ahead) @ state
    if key.shape[2]:
        state = ahead[:, :, -1, :, None] * state + np.einsum("bhsf,bhse->bhfe", key * within[:, :, -1], value)
    return query, (sums, state)


def _sums_between(log_gate: Array) -> Array:
    """Σ_{s < r ≤ t} log g_r as (B, H, t, s, F); −inf where s > t. Every stretch is summed by itself."""
    steps = log_gate.shape[2]
    t, s = np.arange(steps)[:, None], np.arange(steps)[None, :]
    each = np.where((t > s)[..., None], log_gate[:, :, :, None, :], 0.0)
    return np.where((t >= s)[..., None], np.cumsum(each, axis=2), -np.inf)


def _corrected(key: Array, value: Array, beta: Array, within: Array, ahead: Array, state: Array) -> Array:
    """The corrected values of the delta rule, (B, H, S, E)."""
    overlaps = np.einsum("bhtf,bhtsf,bhsf->bhts", key, np.broadcast_to(within, (*within.shape[:4], key.shape[-1])), key)
    system = np.eye(key.shape[2]) + beta[..., None] * np.tril(overlaps, -1)
    due = beta[..., None] * (value - (key * ahead) @ state)
    return np.asarray(np.linalg.solve(system, due)) if key.shape[2] else due
