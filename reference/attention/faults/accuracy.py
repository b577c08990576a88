"""Mistakes of precision: too small for a bound on single numbers, the same way in all of them.

Where one is about an arithmetic, it is written in float64 with that rounding made by hand, and with no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault, tile_size
from ...rounding import round_to
from .. import softmax
from ..steps import STEPS
from .making import textbook

PER_MILLE = 1.001
"""The scale of `scale-per-mille` by the right one."""

DIGITS = {"float32": 11, "float16": 11, "bfloat16": 8, "float8_e4m3fn": 4, "float8_e5m2": 3}
"""Bits of the significand that a matrix unit reads: of float32 inputs those of TF32."""


@fault("scale-per-mille")
def _scale_per_mille() -> Function:
    return textbook(scale=lambda scores, scale: scores * (PER_MILLE * scale))


@fault("weights-truncated")
def _weights_truncated() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        digits = DIGITS.get(q.dtype.name)

        def mix(weights: Array, v: Array, visible: Array) -> Array:
            return softmax.mix(weights if digits is None else _cut(weights, digits), v, visible)

        return textbook(mix=mix)(q, k, v, **options)

    return attend


@fault("accumulator-in-bfloat16")
def _accumulator_in_bfloat16() -> Function:
    def mix(weights: Array, v: Array, visible: Array) -> Array:
        gathered = np.zeros((*weights.shape[:-1], v.shape[-1]))
        for start in range(0, weights.shape[-1], tile_size()):
            at = slice(start, start + tile_size())
            gathered = round_to(gathered + softmax.mix(weights[..., at], v[:, :, at], visible[..., at]), "bfloat16")
        return gathered

    return textbook(mix=mix)


@fault("value-row-duplicated")
def _value_row_duplicated() -> Function:
    def mix(weights: Array, v: Array, visible: Array) -> Array:
        rows = np.arange(v.shape[-2])
        middle = len(rows) // 2
        rows[middle : middle + 1] = max(middle - 1, 0)
        return softmax.mix(weights, v[..., rows, :], visible)

    return textbook(mix=mix)


def _cut(x: Array, digits: int) -> Array:
    """x with the last bits of its significand beyond `digits` set to 0."""
    fraction, exponent = np.frexp(x)
    cut: Array = np.ldexp(np.trunc(np.ldexp(fraction, digits)), exponent - digits)
    return cut


@fault("scores-in-bfloat16")
def _scores_in_bfloat16() -> Function:
    return textbook(hide=lambda scores, visible: STEPS.hide(round_to(scores, "bfloat16"), visible))


@fault("dot-in-float16")
def _dot_in_float16() -> Function:
    def dot(q: Array, k: Array) -> Array:
        gathered = np.zeros((*q.shape[:3], k.shape[2]))
        for feature in range(q.shape[-1]):
            gathered = round_to(gathered + q[..., feature, None] * k[..., None, :, feature], "float16")
        return gathered

    return textbook(dot=dot)


@fault("row-sum-in-bfloat16")
def _row_sum_in_bfloat16() -> Function:
    def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
        gathered = np.exp(sinks - shift)
        for j in range(numerators.shape[-1]):
            gathered = round_to(gathered + numerators[..., j : j + 1], "bfloat16")
        return np.asarray(gathered)

    return textbook(row_sum=row_sum)
