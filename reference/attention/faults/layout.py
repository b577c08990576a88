"""Mistakes about where numbers lie: strides, the order of axes, offsets that run over, results that are not stored.

An offset that is counted in too few bits runs over after 2^31 in released code. Here it is counted in 8 bits, or stops at
1024, so that small problems meet the same mistake.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault, tile_size
from ..inputs import Inputs
from .making import textbook

COUNTED, STORED = 256, 1024
"""Places after which an offset starts again, and numbers of an output buffer that are stored."""


@fault("output-at-value-stride")
def _output_at_value_stride() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer, (b, hq, sq, dv) = right(q, k, v, **options), (*q.shape[:3], v.shape[-1])
        stored = np.zeros((b, sq * hq, dv))
        for i in range(sq):
            stored[:, i * k.shape[1] : i * k.shape[1] + hq] = answer.out[:, :, i]
        return answer._replace(out=stored.reshape(b, sq, hq, dv).swapaxes(1, 2))

    return attend


@fault("values-at-key-stride")
def _values_at_key_stride() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        _, heads, sk, dv = v.shape
        begins = np.arange(heads)[:, None] * sk * k.shape[-1]
        places = (begins + np.arange(sk * dv)) % max(heads * sk * dv, 1)
        return right(q, k, v.reshape(len(v), -1)[:, places].reshape(v.shape), **options)

    return attend


@fault("heads-and-rows-swapped")
def _heads_and_rows_swapped() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(out=answer.out.swapaxes(1, 2).reshape(answer.out.shape))

    return attend


@fault("value-tiles-at-one-place")
def _value_tiles_at_one_place() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        stored = np.zeros_like(answer.out)
        for begin in range(0, v.shape[-1], tile_size()):
            part = answer.out[..., begin : begin + tile_size()]
            stored[..., : part.shape[-1]] = part
        return answer._replace(out=stored)

    return attend


@fault("lse-rows-swapped")
def _lse_rows_swapped() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        neighbour = np.arange(q.shape[2]) ^ 1
        return answer._replace(lse=answer.lse[:, :, np.minimum(neighbour, q.shape[2] - 1)])

    return attend


@fault("lse-unwritten")
def _lse_unwritten() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(lse=np.zeros_like(answer.lse))

    return attend


@fault("key-count-in-a-byte")
def _key_count_in_a_byte() -> Function:
    return textbook(lengths=lambda j, length: (j < length) & (j < (len(j) + 128) % 256 - 128))


@fault("output-past-limit-unwritten")
def _output_past_limit_unwritten() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        place = np.arange(answer.out.size).reshape(answer.out.shape)
        return answer._replace(out=np.where(place < STORED, answer.out, 0.0))

    return attend


@fault("mask-offset-overflows")
def _mask_offset_overflows() -> Function:
    return textbook(inputs=lambda given: given if given.mask is None else replace(given, mask=_run_over(given.mask)))


@fault("bias-offset-overflows")
def _bias_offset_overflows() -> Function:
    def run_over(given: Inputs) -> Inputs:
        return given if given.bias is None else replace(given, bias=_run_over(given.bias))

    return textbook(inputs=run_over)


def _run_over(table: Array) -> Array:
    """(B, Hq, R, Sk) read at an offset within each head's (R, Sk) that starts again at COUNTED."""
    flat = table.reshape(*table.shape[:2], -1)
    return flat[..., np.arange(flat.shape[-1]) % COUNTED].reshape(table.shape)
