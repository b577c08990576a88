"""Mistakes about linear attention: what is written, how it decays, what is read, and what divides it.

All are made from the recurrence: with one of its steps replaced, or with one argument read wrongly. Those about chunks, and
about what is carried from call to call, have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ..features import TAYLOR, degree, features
from ..reading import Linear, joined, read
from ..recurrent import LINEAR_STEPS, LinearSteps, linear_attention, recurrent

__all__ = ["answer_of", "computed", "definition", "linear", "sequence_by_sequence", "without"]

NO_LSE = np.zeros(0)


def definition() -> Function:
    """Linear attention as it should be."""
    return linear()


def linear(given: Callable[[Linear], Linear] | None = None, **changed: Any) -> Function:
    """The recurrence with some of `LinearSteps` replaced, and with the arguments of each sequence changed.

    It raises ValueError as `linear_attention` does, and for mixed dtypes.
    """
    steps = replace(LINEAR_STEPS, **changed)
    return sequence_by_sequence(lambda one: recurrent(one if given is None else given(one), steps))


def sequence_by_sequence(run: Callable[[Linear], tuple[Array, tuple[Array, Array]]]) -> Function:
    """Each sequence of a call through a function that gives its output and (state, normaliser)."""

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        _require_one_dtype(q, k, v)
        packed = options.get("cu_seqlens") is not None
        parts = [run(one) for one in read(q, k, v, **computed(options))]
        state, normalizer = (joined([state[n] for _, state in parts], packed, 0) for n in (0, 1))
        return Answer(joined([out for out, _ in parts], packed, 2), NO_LSE, None, state=state, normalizer=normalizer)

    return attend


def answer_of(q: Array, k: Array, v: Array, options: dict[str, Any], steps: LinearSteps = LINEAR_STEPS) -> Answer:
    """The answer of the recurrence to other arguments."""
    _require_one_dtype(q, k, v)
    made = linear_attention(q, k, v, steps=steps, **computed(options))
    return Answer(made.out, NO_LSE, None, state=made.state, normalizer=made.normalizer)


def computed(options: dict[str, Any]) -> dict[str, Any]:
    """The options that say what is computed, without those that say what is returned."""
    return {name: value for name, value in options.items() if name != "return_state"}


def _require_one_dtype(q: Array, k: Array, v: Array) -> None:
    for name, x in (("k", k), ("v", v)):
        if x.dtype != q.dtype:
            raise ValueError(f"{name} has dtype {x.dtype} and q has {q.dtype}; they must be equal")


# What a row reads


@fault("linear-exclusive-scan")
def _exclusive_scan() -> Function:
    return linear(row=lambda query, before, after: LINEAR_STEPS.row(query, before, before))


@fault("linear-causal-ignored")
def _causal_ignored() -> Function:
    return linear(given=lambda one: replace(one, causal=False))


@fault("linear-scale-twice")
def _scale_twice() -> Function:
    return linear(quotient=lambda sums, total, scale, normalize: LINEAR_STEPS.quotient(scale * sums, total, scale, normalize))


@fault("linear-scale-ignored")
def _scale_ignored() -> Function:
    return linear(given=lambda one: replace(one, scale=1.0))


# Feature maps


@fault("linear-features-of-queries-only")
def _features_of_queries_only() -> Function:
    return linear(key_features=lambda name, x: features("identity", x) if name not in TAYLOR else features(name, x))


@fault("linear-features-of-values")
def _features_of_values() -> Function:
    return linear(given=lambda one: one if one.feature_map in TAYLOR else replace(one, v=features(one.feature_map, one.v)))


@fault("linear-elu-without-one")
def _elu_without_one() -> Function:
    def mapped(name: str, x: Array) -> Array:
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0))) if name == "elu1" else features(name, x)

    return linear(query_features=mapped, key_features=mapped)


@fault("linear-taylor-without-factorials")
def _taylor_without_factorials() -> Function:
    def mapped(name: str, x: Array) -> Array:
        made, d = features(name, x), x.shape[-1]
        if name not in TAYLOR:
            return made
        order = np.concatenate([np.full(d**m, m) for m in range(degree(name) + 1)])
        scaled: Array = made * np.sqrt([float(np.prod(np.arange(1, m + 1))) for m in range(degree(name) + 1)])[order]
        return scaled

    return linear(query_features=mapped, key_features=mapped)


@fault("linear-keys-shifted-by-their-maximum")
def _keys_shifted() -> Function:
    def mapped(name: str, x: Array) -> Array:
        return features(name, x - x.max(axis=2, keepdims=True, initial=-np.inf) if name == "exp" and x.shape[2] else x)

    return linear(key_features=mapped)


# The normaliser


def _divided(rule: Callable[[Array, Array, float], Array]) -> Function:
    def quotient(sums: Array, total: Array, scale: float, normalize: bool) -> Array:
        return rule(sums, total, scale) if normalize else LINEAR_STEPS.quotient(sums, total, scale, normalize)

    return linear(quotient=quotient)


@fault("linear-normalizer-missing")
def _normalizer_missing() -> Function:
    return _divided(lambda sums, total, scale: scale * sums)


@fault("linear-normalizer-multiplied")
def _normalizer_multiplied() -> Function:
    return _divided(lambda sums, total, scale: scale * sums * total)


@fault("linear-normalizer-without-scale")
def _normalizer_without_scale() -> Function:
    return _divided(lambda sums, total, scale: scale * sums / total)


@fault("linear-normalizer-always")
def _normalizer_always() -> Function:
    return linear(given=lambda one: replace(one, normalize=one.beta is None))


@fault("linear-normalizer-plus-one")
def _normalizer_plus_one() -> Function:
    return _divided(lambda sums, total, scale: sums / (total + 1))


@fault("linear-normalizer-plus-epsilon")
def _normalizer_plus_epsilon() -> Function:
    def run(one: Linear) -> tuple[Array, tuple[Array, Array]]:
        out, state = recurrent(one)
        if not one.normalize:
            return out, state
        shifted = recurrent(replace(one, v=np.ones_like(one.v[..., :1]), state=one.normalizer[..., None], normalize=False))[0]
        total = shifted / one.scale
        return out * total / (total + 1e-6 * features(one.feature_map, one.q).sum(axis=-1, keepdims=True)), state

    return sequence_by_sequence(run)


@fault("linear-normalizer-of-heads")
def _normalizer_of_heads() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        right = answer_of(q, k, v, options)
        if not options.get("normalize"):
            return right
        plain = answer_of(q, k, v, {**options, "normalize": False, "scale": None})
        given = read(q, k, v, **computed(options))[0]
        query = features(given.feature_map, np.asarray(q, dtype=np.float64))
        key = np.cumsum(features(given.feature_map, np.asarray(k, dtype=np.float64)), axis=1)
        rows = key[:, :, : q.shape[2]] if key.shape[2] >= q.shape[2] else np.ones_like(query)
        return right._replace(out=plain.out / (query * rows).sum(-1, keepdims=True))

    return attend


@fault("linear-initial-normalizer-forgotten")
def _initial_normalizer_forgotten() -> Function:
    return linear(given=lambda one: replace(one, normalizer=np.zeros_like(one.normalizer)))


@fault("linear-normalizer-not-decayed")
def _normalizer_not_decayed() -> Function:
    def decayed(state: Array, log_gate: Array) -> Array:
        made = LINEAR_STEPS.decayed(state, log_gate)
        made[..., -1] = state[..., -1]
        return made

    return linear(decayed=decayed)


# Decays and gates


@fault("linear-gate-after-the-update")
def _gate_after_the_update() -> Function:
    def run(one: Linear) -> tuple[Array, tuple[Array, Array]]:
        gates = iter(np.moveaxis(one.log_gate, 2, 0))

        def written(state: Array, key: Array, value: Array, beta: Array | None) -> Array:
            return LINEAR_STEPS.decayed(LINEAR_STEPS.written(state, key, value, beta), next(gates))

        return recurrent(one, replace(LINEAR_STEPS, decayed=lambda state, log_gate: state, written=written))

    return sequence_by_sequence(run)


@fault("linear-gate-one-step-late")
def _gate_one_step_late() -> Function:
    def late(one: Linear) -> Linear:
        first = np.zeros_like(one.log_gate[:, :, :1])
        return replace(one, log_gate=np.concatenate([first, one.log_gate], axis=2)[:, :, : one.log_gate.shape[2]])

    return linear(given=late)


@fault("linear-gate-base-two")
def _gate_base_two() -> Function:
    return linear(given=lambda one: replace(one, log_gate=one.log_gate * np.log(2.0)))


@fault("linear-gate-grows")
def _gate_grows() -> Function:
    return linear(given=lambda one: replace(one, log_gate=-one.log_gate))


@fault("linear-gate-ignored")
def _gate_ignored() -> Function:
    return without("gate")


@fault("linear-decay-ignored")
def _decay_ignored() -> Function:
    return without("decay")


@fault("linear-gate-of-first-feature")
def _gate_of_first_feature() -> Function:
    return linear(given=lambda one: replace(one, log_gate=one.log_gate[..., :1]))


@fault("linear-gate-by-feature-ignored")
def _gate_by_feature_ignored() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        gate = options.get("gate")
        return answer_of(q, k, v, {**options, "gate": None if gate is None or gate.ndim == 4 else gate})

    return attend


@fault("linear-decay-of-next-head")
def _decay_of_next_head() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        decay = options.get("decay")
        return answer_of(q, k, v, {**options, "decay": None if decay is None else np.roll(decay, -1)})

    return attend


@fault("linear-decay-of-first-head")
def _decay_of_first_head() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        decay = options.get("decay")
        return answer_of(q, k, v, {**options, "decay": None if decay is None else np.full_like(decay, decay[0])})

    return attend


def without(name: str) -> Function:
    """Linear attention that ignores one option."""

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return answer_of(q, k, v, {**options, name: None})

    return attend


# The delta rule


@fault("linear-beta-ignored")
def _beta_ignored() -> Function:
    return linear(given=lambda one: replace(one, beta=None if one.beta is None else np.ones_like(one.beta)))


@fault("linear-delta-needs-a-gate")
def _delta_needs_a_gate() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        ungated = options.get("gate") is None and options.get("decay") is None
        return answer_of(q, k, v, {**options, "beta": None if ungated else options.get("beta")})

    return attend


@fault("linear-beta-twice")
def _beta_twice() -> Function:
    return linear(given=lambda one: replace(one, beta=None if one.beta is None else one.beta**2))


@fault("linear-delta-uncorrected")
def _delta_uncorrected() -> Function:
    def written(state: Array, key: Array, value: Array, beta: Array | None) -> Array:
        value = value if beta is None else beta[..., None] * value
        return LINEAR_STEPS.written(state, key, value, None)

    return linear(written=written)


@fault("linear-delta-before-decay")
def _delta_before_decay() -> Function:
    def run(one: Linear) -> tuple[Array, tuple[Array, Array]]:
        seen: list[Array] = []

        def decayed(state: Array, log_gate: Array) -> Array:
            seen[:] = [state]
            return LINEAR_STEPS.decayed(state, log_gate)

        def written(state: Array, key: Array, value: Array, beta: Array | None) -> Array:
            if beta is not None:
                value = beta[..., None] * (value - np.einsum("bhf,bhfe->bhe", key, seen[0]))
            return LINEAR_STEPS.written(state, key, value, None)

        return recurrent(one, replace(LINEAR_STEPS, decayed=decayed, written=written))

    return sequence_by_sequence(run)
