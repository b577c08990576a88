"""Mistakes in the way from scores to weights, and from weights and values to the output."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from .. import softmax
from .making import textbook

SATURATED, CLIPPED, ADDED = 3.0, -1.0, 1e-3
"""Where `values-saturate` and `values-clipped-below` clip V, and what the `-plus-epsilon` faults add."""

ONE_MISREAD = 2.0**-7
"""The bits of 1 in float16, read as bfloat16."""


@fault("scale-missing")
def _scale_missing() -> Function:
    return textbook(order=("softcap", "bias", "alibi", "hide"))


@fault("scale-ignored")
def _scale_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, scale=None))


@fault("scale-twice")
def _scale_twice() -> Function:
    return textbook(order=("scale", "scale", "softcap", "bias", "alibi", "hide"))


@fault("scale-one-percent")
def _scale_one_percent() -> Function:
    return textbook(scale=lambda scores, scale: scores * (1.01 * scale))


@fault("scale-from-value-features")
def _scale_from_value_features() -> Function:
    return textbook(scale_of=lambda scale, d, dv: dv**-0.5 if scale is None else scale)


@fault("base-two-exp")
def _base_two_exp() -> Function:
    return textbook(numerators=lambda scores, shift, sinks: np.exp2(scores - shift))


@fault("exp-as-series")
def _exp_as_series() -> Function:
    def series(scores: Array, shift: Array, sinks: Array) -> Array:
        x = scores - shift
        return np.where(x == -np.inf, 0.0, 1 + x + x**2 / 2 + x**3 / 6)

    return textbook(numerators=series)


@fault("weights-unnormalised")
def _weights_unnormalised() -> Function:
    return textbook(normalize=lambda numerators, total: numerators)


@fault("row-sum-includes-hidden")
def _row_sum_includes_hidden() -> Function:
    def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
        hidden = (~visible).sum(axis=-1, keepdims=True)
        return softmax.row_sum(numerators, shift, sinks, visible) + np.where(hidden > 0, hidden * np.exp(-shift), 0.0)

    return textbook(row_sum=row_sum)


@fault("row-sum-skips-last-key")
def _row_sum_skips_last_key() -> Function:
    return textbook(
        row_sum=lambda numerators, shift, sinks, visible: softmax.row_sum(numerators[..., :-1], shift, sinks, visible)
    )


@fault("row-sum-plus-epsilon")
def _row_sum_plus_epsilon() -> Function:
    def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
        total = softmax.row_sum(numerators, shift, sinks, visible)
        return np.where(softmax.is_empty(total), total, total + ADDED)

    return textbook(row_sum=row_sum)


@fault("softmax-one")
def _softmax_one() -> Function:
    return textbook(
        row_sum=lambda numerators, shift, sinks, visible: softmax.row_sum(numerators, shift, sinks, visible) + np.exp(-shift)
    )


@fault("lse-base-two")
def _lse_base_two() -> Function:
    return textbook(logsumexp=lambda shift, total: softmax.logsumexp(shift, total) / np.log(2.0))


@fault("last-key-dropped")
def _last_key_dropped() -> Function:
    return textbook(lengths=lambda j, length: (j < length) & (j < len(j) - 1))


@fault("key-counted-twice")
def _key_counted_twice() -> Function:
    def mix(weights: Array, v: Array, visible: Array) -> Array:
        largest = weights.max(axis=-1, keepdims=True, initial=0.0)
        return softmax.mix(np.where(weights == largest, 2 * weights, weights), v, visible)

    return textbook(mix=mix)


@fault("value-rows-shifted")
def _value_rows_shifted() -> Function:
    return textbook(mix=lambda weights, v, visible: softmax.mix(weights, np.roll(v, 1, axis=-2), visible))


@fault("values-saturate")
def _values_saturate() -> Function:
    return textbook(mix=lambda weights, v, visible: softmax.mix(weights, np.clip(v, -SATURATED, SATURATED), visible))


@fault("values-clipped-below")
def _values_clipped_below() -> Function:
    return textbook(mix=lambda weights, v, visible: softmax.mix(weights, np.maximum(v, CLIPPED), visible))


@fault("output-plus-epsilon")
def _output_plus_epsilon() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(out=answer.out + ADDED)

    return attend


@fault("dropout-ignored")
def _dropout_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, dropout_keep=None))


@fault("dropout-not-rescaled")
def _dropout_not_rescaled() -> Function:
    return textbook(dropout=lambda weights, keep, p: weights * keep)


@fault("returned-weights-unmasked")
def _returned_weights_unmasked() -> Function:
    right, unmasked = textbook(), textbook(order=("scale", "softcap", "bias", "alibi"))

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(weights=unmasked(q, k, v, **options).weights)

    return attend


@fault("scale-from-padded-features")
def _scale_from_padded_features() -> Function:
    return textbook(scale_of=lambda scale, d, dv: 1 / math.sqrt(1 << (d - 1).bit_length()) if scale is None else scale)


@fault("scale-inverted")
def _scale_inverted() -> Function:
    return textbook(scale=lambda scores, scale: scores / scale)


@fault("scores-squared")
def _scores_squared() -> Function:
    return textbook(scale=lambda scores, scale: scores * scores)


@fault("row-sum-of-misread-ones")
def _row_sum_of_misread_ones() -> Function:
    return textbook(
        row_sum=lambda numerators, shift, sinks, visible: ONE_MISREAD * softmax.row_sum(numerators, shift, sinks, visible)
    )


@fault("maximum-over-row-sum")
def _maximum_over_row_sum() -> Function:
    def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
        total = softmax.row_sum(numerators, shift, sinks, visible)
        odd = np.arange(total.shape[-2])[:, None] % 2 == 1
        return np.where(odd & ~softmax.is_empty(total), shift, total)

    return textbook(row_sum=row_sum)


@fault("dropout-twice")
def _dropout_twice() -> Function:
    def dropout(weights: Array, keep: Array, p: float) -> Array:
        return softmax.drop(softmax.drop(weights, keep, p), np.roll(keep, 1, axis=-1), p)

    return textbook(dropout=dropout)
