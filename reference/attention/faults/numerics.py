"""Mistakes about the range of numbers, and about what one call may keep for the next.

What is kept is kept by shape, as kernels are compiled and graphs captured, and comes from the call before: a copy that is
refreshed after the launch instead of before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arithmetic import LARGEST, SMALLEST_SUBNORMAL
from ...faults.making import Answer, Array, Function, fault, returned_in
from ...rounding import unit_in_last_place
from .. import softmax
from ..steps import STEPS
from .making import textbook


@fault("no-maximum-subtraction")
def _no_maximum_subtraction() -> Function:
    return textbook(shift=_no_shift, numerators=_in_float32)


@fault("no-maximum-subtraction-gives-nan")
def _no_maximum_subtraction_gives_nan() -> Function:
    def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
        total = STEPS.row_sum(numerators, shift, sinks, visible)
        return np.asarray(np.where((total == 0) & visible.any(-1, keepdims=True), np.nan, total))

    def logsumexp(shift: Array, total: Array) -> Array:
        found: Array = STEPS.logsumexp(shift, np.where(np.isnan(total), 0.0, total))
        return found

    return textbook(shift=_no_shift, numerators=_in_float32, row_sum=row_sum, logsumexp=logsumexp)


def _no_shift(scores: Array, sinks: Array) -> Array:
    """0 where the maximum of a row is due."""
    return np.zeros((*scores.shape[:-1], 1))


def _in_float32(scores: Array, shift: Array, sinks: Array) -> Array:
    """exp of the scores, with the range of float32."""
    odds = np.exp(scores)
    odds = np.where(odds < SMALLEST_SUBNORMAL["float32"], 0.0, odds)
    return np.asarray(np.where(odds > LARGEST["float32"], np.inf, odds))


class Before:
    """What the call before gave for the same shapes."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def swap(self, arrays: tuple[Array, ...], mine: Any) -> Any:
        """What was kept for arrays of these shapes, or mine where nothing was; mine is kept for the next call."""
        shapes = tuple(array.shape for array in arrays)
        theirs = self.kept.get(shapes, mine)
        self.kept[shapes] = np.array(mine) if isinstance(mine, np.ndarray) else mine
        return theirs


@fault("stale-scale")
def _stale_scale() -> Function:
    right, before = textbook(), Before()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return right(q, k, v, **{**options, "scale": before.swap((q, k, v), options.get("scale"))})

    return attend


@fault("stale-causal")
def _stale_causal() -> Function:
    right, before = textbook(), Before()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return right(q, k, v, **{**options, "causal": before.swap((q, k, v), options.get("causal", False))})

    return attend


@fault("stale-mask")
def _stale_mask() -> Function:
    right, before = textbook(), Before()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        mask = options.get("mask")
        theirs = before.swap((q, k, v), mask)
        return right(q, k, v, **{**options, "mask": theirs if mask is None else mask})

    return attend


@fault("stale-values")
def _stale_values() -> Function:
    right, before = textbook(), Before()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        theirs = before.swap((q, k, v), v)
        return right(q, k, theirs.astype(v.dtype), **options)

    return attend


@fault("buffer-not-cleared")
def _buffer_not_cleared() -> Function:
    right = textbook()
    buffers: dict[tuple[int, ...], Array] = {}

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        found = buffers.get(answer.out.shape, 1.0)
        buffers[answer.out.shape] = answer.out + found
        return answer._replace(out=answer.out + found)

    return attend


@fault("noise-in-last-bits")
def _noise_in_last_bits() -> Function:
    right, noise = textbook(), np.random.default_rng(0)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        steps = noise.integers(-1, 2, answer.out.shape)
        size = np.nan_to_num(unit_in_last_place(answer.out, returned_in(q.dtype.name)))
        return answer._replace(out=answer.out + steps * size)

    return attend


@fault("stale-softcap")
def _stale_softcap() -> Function:
    right, before = textbook(), Before()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return right(q, k, v, **{**options, "softcap": before.swap((q, k, v), options.get("softcap"))})

    return attend


@fault("stale-slopes")
def _stale_slopes() -> Function:
    right, before = textbook(), Before()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        slopes = options.get("alibi_slopes")
        if slopes is None:
            return right(q, k, v, **options)
        return right(q, k, v, **{**options, "alibi_slopes": before.swap((q, k, v), slopes)})

    return attend


@fault("scores-overflow-in-float16")
def _scores_overflow_in_float16() -> Function:
    return textbook(dot=lambda q, k: _overflowing(STEPS.dot(q, k)))


@fault("output-overflows-in-float16")
def _output_overflows_in_float16() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        totals: list[Array] = []

        def normalize(numerators: Array, total: Array) -> Array:
            totals.append(np.where(softmax.is_empty(total), 1.0, total))
            return softmax.normalize(numerators, total)

        def mix(weights: Array, v: Array, visible: Array) -> Array:
            return _overflowing(softmax.mix(weights, v, visible) * totals[-1]) / totals[-1]

        return textbook(normalize=normalize, mix=mix)(q, k, v, **options)

    return attend


def _overflowing(x: Array) -> Array:
    """x with infinity, of its sign, where float16 has no number as large."""
    return np.where(np.abs(x) > LARGEST["float16"], np.copysign(np.inf, x), x)
