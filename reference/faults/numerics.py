"""Mistakes about the range of numbers, and about what one call may keep for the next.

What is kept is kept by shape, as kernels are compiled and graphs captured, and comes from the call before: a copy that is
refreshed after the launch instead of before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arithmetic import LARGEST, SMALLEST_SUBNORMAL
from ..rounding import unit_in_last_place
from .making import Answer, Array, Function, fault, textbook


@fault("no-maximum-subtraction")
def _no_maximum_subtraction() -> Function:
    def in_float32(scores: Array, shift: Array, sinks: Array) -> Array:
        odds = np.exp(scores)
        return np.where(odds > LARGEST["float32"], np.inf, np.where(odds < SMALLEST_SUBNORMAL["float32"], 0.0, odds))

    return textbook(shift=lambda scores, sinks: np.zeros((*scores.shape[:-1], 1)), numerators=in_float32)


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
        size = np.nan_to_num(unit_in_last_place(answer.out, q.dtype.name))
        return answer._replace(out=answer.out + steps * size)

    return attend
