"""Mistakes of kernels of ten lines: a softmax too early, hidden keys that are made unlikely only, arrays read the wrong way.

No tile, no split and no cache is needed for them, so they are what a first version has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ...rounding import round_to
from .. import softmax
from ..steps import STEPS
from .making import textbook

RAW = tuple(stage for stage in STEPS.order if stage != "hide")
"""The stages of the scores without the one that hides."""


def _kept(weights: Array, v: Array, visible: Array) -> Array:
    """weights·V of the visible keys."""
    return softmax.mix(np.where(visible, weights, 0.0), v, visible)


# Softmax


@fault("mask-after-softmax")
def _mask_after_softmax() -> Function:
    return textbook(order=RAW, mix=_kept)


@fault("weights-uniform")
def _weights_uniform() -> Function:
    return textbook(numerators=lambda scores, shift, sinks: np.where(scores > -np.inf, 1.0, 0.0))


@fault("scores-in-float16")
def _scores_in_float16() -> Function:
    return textbook(dot=lambda q, k: round_to(STEPS.dot(q, k), "float16").astype(np.float64))


# Scale


@fault("scale-default-missing")
def _scale_default_missing() -> Function:
    return textbook(scale_of=lambda scale, d, dv: 1.0 if scale is None else scale)


@fault("scale-by-features")
def _scale_by_features() -> Function:
    return textbook(scale_of=lambda scale, d, dv: 1 / d if scale is None else scale)


@fault("scale-zero-means-default")
def _scale_zero_means_default() -> Function:
    return textbook(scale_of=lambda scale, d, dv: STEPS.scale_of(scale or None, d, dv))


# Hidden keys


def _lowered(by: float) -> Function:
    """In float32, in which kernels keep scores: in a row that sees no key, what is left of them is coarse."""
    return textbook(hide=lambda scores, visible: np.where(visible, scores, round_to(scores - by, "float32")))


@fault("hidden-scores-lowered")
def _hidden_scores_lowered() -> Function:
    return _lowered(1e4)


@fault("hidden-scores-lowered-by-65504")
def _hidden_scores_lowered_by_65504() -> Function:
    return _lowered(65504.0)


@fault("last-query-unmasked")
def _last_query_unmasked() -> Function:
    def last(i: Array) -> Array:
        return np.asarray(i == i[:, :, -1:])

    def mask(given: Array) -> Array:
        rows = given.shape[-2]
        return given | (np.arange(rows) == rows - 1)[:, None] if rows > 1 else given

    return textbook(
        causal=lambda i, j: STEPS.causal(i, j) | last(i),
        window=lambda i, j, left, right: STEPS.window(i, j, left, right) | last(i),
        mask=lambda given: mask(STEPS.mask(given)),
    )


def _nan_where_given(option: str, **changed: Any) -> Function:
    """Steps replaced where an option is given, and rows that then see no key NaN; the definition elsewhere."""
    right, wrong = textbook(), textbook(empty_row=lambda v, convention: np.array(np.nan), **changed)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return (right if options.get(option) in (None, False) else wrong)(q, k, v, **options)

    return attend


@fault("causal-hides-diagonal-gives-nan")
def _causal_hides_diagonal_gives_nan() -> Function:
    return _nan_where_given("causal", causal=lambda i, j: j < i)


@fault("window-left-short-gives-nan")
def _window_left_short_gives_nan() -> Function:
    return _nan_where_given(
        "window", window=lambda i, j, left, right: STEPS.window(i, j, None if left is None else left - 1, right)
    )


@fault("window-ignored")
def _window_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, window=None))


@fault("window-right-long")
def _window_right_long() -> Function:
    return textbook(window=lambda i, j, left, right: STEPS.window(i, j, left, None if right is None else right + 1))


@fault("window-right-short")
def _window_right_short() -> Function:
    return textbook(window=lambda i, j, left, right: STEPS.window(i, j, left, None if right is None else right - 1))


# Arrays read the wrong way


@fault("values-read-by-column")
def _values_read_by_column() -> Function:
    return textbook(
        mix=lambda weights, v, visible: softmax.mix(weights, np.swapaxes(v, -1, -2).reshape(v.shape), visible),
    )


@fault("keys-mixed-for-values")
def _keys_mixed_for_values() -> Function:
    return textbook(inputs=lambda given: replace(given, v=given.k) if given.k.shape == given.v.shape else given)


@fault("heads-reversed")
def _heads_reversed() -> Function:
    return _output(lambda out: out[:, ::-1])


@fault("entries-reversed")
def _entries_reversed() -> Function:
    return _output(lambda out: out[::-1])


def _output(changed: Any) -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(out=changed(answer.out))

    return attend
