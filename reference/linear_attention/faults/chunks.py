"""Mistakes of linear attention in chunks: what restarts, what counts twice, what the tail of the last chunk holds.

All are made from one chunk after another, 16 steps each unless it is said, run by the recurrence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...faults.making import Array, Function, fault, tile_size
from ...rounding import round_to
from ..features import features
from ..reading import Linear
from ..recurrent import LINEAR_STEPS, recurrent
from .recurrence import sequence_by_sequence

__all__: list[str] = []

State = tuple[Array, Array]


def _in_chunks(
    between: Callable[[Linear, State], State] = lambda one, state: state,
    chunk: Callable[[Linear], tuple[Array, State]] = recurrent,
    after: Callable[[Linear, State], State] = lambda one, state: state,
    size: int | None = None,
) -> Function:
    """Chunks of `size` steps, or of a tile: `between` changes what a chunk leaves to the next, `after` what the last leaves."""

    def run(one: Linear) -> tuple[Array, State]:
        state, parts = (one.state, one.normalizer), []
        steps = one.k.shape[2]
        each = size or tile_size()
        for start in range(0, steps, each):
            if start:
                state = between(one, state)
            part = _part(one, slice(start, min(start + each, steps)), state)
            out, state = chunk(part)
            parts.append(out)
        state = after(one, state)
        if one.causal and parts:
            return np.concatenate(parts, axis=2), state
        return _read(one, state), state

    return sequence_by_sequence(run)


def _part(one: Linear, at: slice, state: State) -> Linear:
    return replace(
        one,
        q=one.q[:, :, at] if one.causal else one.q[:, :, :0],
        k=one.k[:, :, at],
        v=one.v[:, :, at],
        log_gate=one.log_gate[:, :, at],
        beta=None if one.beta is None else one.beta[:, :, at],
        active=one.active[:, at],
        state=state[0],
        normalizer=state[1],
    )


def _read(one: Linear, state: State) -> Array:
    """Rows that read a state after all steps."""
    part = replace(_part(one, slice(0, 0), state), q=one.q, causal=False)
    return recurrent(part)[0]


@fault("linear-normalizer-restarts")
def _normalizer_restarts() -> Function:
    return _in_chunks(between=lambda one, state: (state[0], np.zeros_like(state[1])))


@fault("linear-state-restarts")
def _state_restarts() -> Function:
    return _in_chunks(between=lambda one, state: (np.zeros_like(state[0]), state[1]))


@fault("linear-state-in-bfloat16")
def _state_in_bfloat16() -> Function:
    return _in_chunks(between=lambda one, state: (round_to(state[0], "bfloat16"), round_to(state[1], "bfloat16")))


@fault("linear-first-state-only")
def _first_state_only() -> Function:
    def run(one: Linear) -> tuple[Array, State]:
        right = recurrent(one)
        if not one.causal or one.k.shape[2] <= tile_size():
            return right
        first = recurrent(_part(one, slice(0, tile_size()), (one.state, one.normalizer)))
        parts = [first[0]]
        for start in range(tile_size(), one.k.shape[2], tile_size()):
            parts.append(recurrent(_part(one, slice(start, start + tile_size()), first[1]))[0])
        return np.concatenate(parts, axis=2), right[1]

    return sequence_by_sequence(run)


@fault("linear-padded-tail-in-normalizer")
def _padded_tail_in_normalizer() -> Function:
    def after(one: Linear, state: State) -> State:
        missing = -one.k.shape[2] % tile_size()
        ghost = features(one.feature_map, np.zeros((1, 1, one.k.shape[3])))
        return state[0], state[1] + (0.0 if one.beta is not None else missing * ghost)

    return _in_chunks(after=after)


@fault("linear-tail-dropped")
def _tail_dropped() -> Function:
    def chunk(part: Linear) -> tuple[Array, State]:
        if part.k.shape[2] == tile_size() or not part.causal:
            return recurrent(part)
        out, _ = recurrent(part)
        return out, (part.state, part.normalizer)

    return _in_chunks(chunk=chunk)


@fault("linear-chunk-sees-its-future")
def _chunk_sees_its_future() -> Function:
    def chunk(part: Linear) -> tuple[Array, State]:
        if not part.causal:
            return recurrent(part)
        out, state = recurrent(replace(part, causal=False))
        return out, state

    return _in_chunks(chunk=chunk)


@fault("linear-decay-reversed-in-chunk")
def _decay_reversed_in_chunk() -> Function:
    def chunk(part: Linear) -> tuple[Array, State]:
        out, state = recurrent(part)
        if part.beta is not None:
            return out, state
        # The state of a chunk is decayed by the distance from its start, where it should be by that to its end.
        total = part.log_gate.sum(axis=2, keepdims=True)
        after = np.concatenate([part.log_gate[:, :, 1:], np.zeros_like(part.log_gate[:, :, :1])], axis=2)
        to_end = np.flip(np.cumsum(np.flip(after, 2), axis=2), 2)
        factors = np.exp(np.flip(to_end, 2)) * part.active[:, None, :, None]
        key = features(part.feature_map, part.k) * factors
        kept = np.exp(total[:, :, 0])
        moved = kept[..., None] * part.state + np.einsum("bhsf,bhse->bhfe", key, part.v)
        return out, (moved, kept * part.normalizer + key.sum(axis=2))

    return _in_chunks(chunk=chunk)


@fault("linear-inverse-decay-overflows")
def _inverse_decay_overflows() -> Function:
    def chunk(part: Linear) -> tuple[Array, State]:
        out, state = recurrent(part)
        depth = np.cumsum(part.log_gate, axis=2).min(initial=0.0)
        # exp(−Σ log g) leaves float32 at 88; what is left over is ∞ · 0.
        return (np.full_like(out, np.nan), state) if depth < -88.0 else (out, state)

    return _in_chunks(chunk=chunk, size=64)


@fault("linear-closed-gate-is-nan")
def _closed_gate_is_nan() -> Function:
    def decayed(state: Array, log_gate: Array) -> Array:
        return np.where(np.isneginf(log_gate)[..., None], np.nan, LINEAR_STEPS.decayed(state, log_gate))

    return sequence_by_sequence(lambda one: recurrent(one, replace(LINEAR_STEPS, decayed=decayed)))


@fault("linear-delta-corrects-by-chunk")
def _delta_corrects_by_chunk() -> Function:
    def chunk(part: Linear) -> tuple[Array, State]:
        if part.beta is None:
            return recurrent(part)
        found: list[Array] = []

        def written(state: Array, key: Array, value: Array, beta: Array | None) -> Array:
            found[:] = found or [state]
            assert beta is not None
            value = beta[..., None] * (value - np.einsum("bhf,bhfe->bhe", key, found[0]))
            return LINEAR_STEPS.written(state, key, value, None)

        return recurrent(part, replace(LINEAR_STEPS, written=written))

    return _in_chunks(chunk=chunk)
