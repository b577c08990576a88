"""Linear attention, as spec/linear_attention means it: one step after the other, in float64.

For each step t that is no padding, with S the state (Dφ × Dv) and z the normaliser (Dφ):

    S ← diag(g_t) S,  z ← g_t ∘ z                                the decay, and the gate of the step
    S ← S + φ(k_t) v_tᵀ,  z ← z + φ(k_t)                         without beta
    S ← S + β_t φ(k_t) (v_t − Sᵀφ(k_t))ᵀ,  z likewise for v = 1   the delta rule, of the decayed state
    out_t = scale · Sᵀφ(q_t), divided by scale · z·φ(q_t) with normalize

Causal rows read the state after their own step; others read the state after the last. A step of padding changes nothing, so a
row of padding reads what the last step before it left. z is the column that a value of 1 would have in S, so the two are
computed as one. Each part is one small step, so that a known mistake is another function in its place.

Where the normaliser is 0 the quotient does not exist: the output is NaN here, and nothing is promised of it.

Sources: Katharopoulos et al. 2020, arXiv:2006.16236, equations 16 to 20 (state and normaliser); Sun et al. 2023 (RetNet),
arXiv:2307.08621, equation 6 (decay); Yang et al. 2023 (GLA), arXiv:2312.06635, equation 3 (gates);
Yang et al. 2024 (DeltaNet), arXiv:2406.06484, section 2.2, and (gated DeltaNet) arXiv:2412.06464, equation 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .features import features
from .reading import Linear, State, joined, read

__all__ = ["LINEAR_STEPS", "Attended", "LinearSteps", "linear_attention", "recurrent", "visible"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Attended:
    """What one call gives: out (B, H, Sq, Dv), state (B, H, Dφ, Dv) and normalizer (B, H, Dφ), N instead of B where
    packed.

    visible: bool (B, H, Sq, Sk), the keys that a row has read. All float64.
    """

    out: Array
    state: Array
    normalizer: Array
    visible: Array


def decayed(state: Array, log_gate: Array) -> Array:
    """The state (B, H, Dφ, E) times its gate, given by its logarithm (B, H, 1) or (B, H, Dφ)."""
    return np.asarray(state * np.exp(log_gate)[..., None])


def written(state: Array, key: Array, value: Array, beta: Array | None) -> Array:
    """The decayed state with a step written: key features (B, H, Dφ), value (B, H, E), beta (B, H) for the delta rule."""
    if beta is not None:
        value = beta[..., None] * (value - np.einsum("bhf,bhfe->bhe", key, state))
    return np.asarray(state + key[..., :, None] * value[..., None, :])


def row(query: Array, before: Array, after: Array) -> Array:
    """What a causal row reads, (B, H, E): features (B, H, Dφ), the state before its step and after it."""
    read: Array = np.einsum("bhf,bhfe->bhe", query, after)
    return read


def quotient(sums: Array, total: Array, scale: float, normalize: bool) -> Array:
    """The output from scale-free sums (…, Dv) and their normaliser (…, 1)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((scale * sums) / (scale * total) if normalize else scale * sums)


@dataclass(frozen=True)
class LinearSteps:
    """Each field is a pure function; its default has the docstring that states its arguments."""

    query_features: Callable[..., Array] = features
    key_features: Callable[..., Array] = features
    decayed: Callable[..., Array] = decayed
    written: Callable[..., Array] = written
    row: Callable[..., Array] = row
    quotient: Callable[..., Array] = quotient


LINEAR_STEPS = LinearSteps()
"""The definition."""


def linear_attention(q: Any, k: Any, v: Any, *, steps: LinearSteps = LINEAR_STEPS, **options: Any) -> Attended:
    """The definition: q (B, H, Sq, D), k (B, H, Sk, D), v (B, H, Sk, Dv), with the options that the spec states.

    Raises ValueError as `reading.read` does.
    """
    sequences = read(q, k, v, **options)
    packed = options.get("cu_seqlens") is not None
    parts = [recurrent(given, steps) for given in sequences]
    out = joined([out for out, _ in parts], packed, 2)
    state, normalizer = (joined([state[n] for _, state in parts], packed, 0) for n in (0, 1))
    return Attended(out, state, normalizer, visible(sequences, packed))


def recurrent(given: Linear, steps: LinearSteps = LINEAR_STEPS) -> tuple[Array, State]:
    """The output, and (state, normaliser) after the last step, of one sequence."""
    query, key = steps.query_features(given.feature_map, given.q), steps.key_features(given.feature_map, given.k)
    value = np.concatenate([given.v, np.ones((*given.v.shape[:3], 1))], axis=-1)
    state = np.concatenate([given.state, given.normalizer[..., None]], axis=-1)
    rows = np.zeros((*query.shape[:3], value.shape[3]))
    for t in range(key.shape[2]):
        before = state
        beta = None if given.beta is None else given.beta[:, :, t]
        after = steps.written(steps.decayed(before, given.log_gate[:, :, t]), key[:, :, t], value[:, :, t], beta)
        state = np.where(given.active[:, t, None, None, None], after, before)
        if given.causal:
            rows[:, :, t] = steps.row(query[:, :, t], before, state)
    if not given.causal:
        rows = np.einsum("bhqf,bhfe->bhqe", query, state)
    out = steps.quotient(rows[..., :-1], rows[..., -1:], given.scale, given.normalize)
    return out, (state[..., :-1], state[..., -1])


def visible(sequences: list[Linear], packed: bool) -> Array:
    """Which row reads which key, bool (B, H, Sq, Sk), whatever the gates leave of it."""
    b, h = sequences[0].q.shape[:2]
    sq, sk = (
        (sum(s.q.shape[2] for s in sequences), sum(s.k.shape[2] for s in sequences))
        if packed
        else (
            sequences[0].q.shape[2],
            sequences[0].k.shape[2],
        )
    )
    seen = np.zeros((b, h, sq, sk), dtype=bool)
    start = 0
    for given in sequences:
        rows, keys = given.q.shape[2], given.k.shape[2]
        kept = np.broadcast_to(given.active[:, None, None, :], (b, h, rows, keys))
        if given.causal:
            kept = kept & (np.arange(keys) <= np.arange(rows)[:, None])
        seen[:, :, start : start + rows, start : start + keys] = kept
        start += rows
    return seen
