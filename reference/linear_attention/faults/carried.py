"""Mistakes about what linear attention carries: the state from call to call, packed sequences, and padding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ..reading import Linear, joined, read
from ..recurrent import LINEAR_STEPS, recurrent
from .recurrence import answer_of, computed, linear, sequence_by_sequence, without


@fault("linear-initial-state-ignored")
def _initial_state_ignored() -> Function:
    return without("initial_state")


@fault("linear-initial-state-undecayed")
def _initial_state_undecayed() -> Function:
    def run(one: Linear) -> tuple[Array, tuple[Array, Array]]:
        log_gate = one.log_gate.copy()
        log_gate[:, :, :1] = 0.0
        return recurrent(replace(one, log_gate=log_gate))

    return sequence_by_sequence(run)


@fault("linear-caller-state-overwritten")
def _caller_state_overwritten() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        made = answer_of(q, k, v, options)
        for mine, last in zip(options.get("initial_state") or (), (made.state, made.normalizer), strict=False):
            mine[...] = last
        return made

    return attend


@fault("linear-returned-state-lacks-the-last-step")
def _returned_state_lacks_the_last_step() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        made, parts = answer_of(q, k, v, options), read(q, k, v, **computed(options))
        packed = options.get("cu_seqlens") is not None
        states = [recurrent(_shorter(one))[1] for one in parts]
        state, normalizer = (joined([each[n] for each in states], packed, 0) for n in (0, 1))
        return made._replace(state=state, normalizer=normalizer)

    return attend


def _shorter(one: Linear) -> Linear:
    """A sequence whose last step counts as padding."""
    active = one.active.copy()
    active[:, -1:] = False
    return replace(one, active=active)


@fault("linear-packed-state-leaks")
def _packed_state_leaks() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        right = answer_of(q, k, v, options)
        if options.get("cu_seqlens") is None:
            return right
        state, parts = None, []
        for one in read(q, k, v, **computed(options)):
            carried = one if state is None else replace(one, state=state[0], normalizer=state[1])
            out, state = recurrent(carried)
            parts.append((out, state))
        states = [np.concatenate([each[n] for _, each in parts]) for n in (0, 1)]
        return right._replace(out=np.concatenate([out for out, _ in parts], axis=2), state=states[0], normalizer=states[1])

    return attend


@fault("linear-packed-states-of-the-first")
def _packed_states_of_the_first() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        given = options.get("initial_state")
        if given is not None and options.get("cu_seqlens") is not None:
            given = tuple(np.broadcast_to(x[:1], x.shape) for x in given)
        return answer_of(q, k, v, {**options, "initial_state": given})

    return attend


@fault("linear-padding-in-normalizer")
def _padding_in_normalizer() -> Function:
    def run(one: Linear) -> tuple[Array, tuple[Array, Array]]:
        v = np.where(one.active[:, None, :, None], one.v, 0.0)
        log_gate = np.where(one.active[:, None, :, None], one.log_gate, 0.0)
        beta = None if one.beta is None else np.where(one.active[:, None], one.beta, 0.0)
        return recurrent(replace(one, v=v, log_gate=log_gate, beta=beta, active=np.ones_like(one.active)))

    return sequence_by_sequence(run)


@fault("linear-padding-decays")
def _padding_decays() -> Function:
    def run(one: Linear) -> tuple[Array, tuple[Array, Array]]:
        active = one.active[:, None, :, None]
        silent = replace(one, beta=None if one.beta is None else np.where(one.active[:, None], one.beta, 0.0))
        value = np.where(active, one.v, 0.0)
        counted = iter(np.moveaxis(one.active, 1, 0))

        def written(state: Array, key: Array, value: Array, beta: Array | None) -> Array:
            return np.where(next(counted)[:, None, None, None], LINEAR_STEPS.written(state, key, value, beta), state)

        return recurrent(replace(silent, v=value, active=np.ones_like(one.active)), replace(LINEAR_STEPS, written=written))

    return sequence_by_sequence(run)


@fault("linear-lengths-ignored")
def _lengths_ignored() -> Function:
    return without("kv_lengths")


@fault("linear-entries-share-a-length")
def _entries_share_a_length() -> Function:
    return linear(given=lambda one: replace(one, active=np.broadcast_to(one.active[:1], one.active.shape)))
