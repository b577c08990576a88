"""Mistakes about what a caller may take for granted: memory, dtypes, what comes back, and what is refused.

These work on the arrays as they were handed over, before anything is converted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ...faults.memory import as_if_contiguous
from .making import textbook


@fault("strides-ignored")
def _strides_ignored() -> Function:
    right = textbook()
    return lambda q, k, v, **options: right(*(as_if_contiguous(x) for x in (q, k, v)), **options)


@fault("inputs-overwritten")
def _inputs_overwritten() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        scale = options.get("scale")
        q[...] = (q.astype(np.float64) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)).astype(q.dtype)
        return right(q, k, v, **{**options, "scale": 1.0})

    return attend


@fault("output-in-float64")
def _output_in_float64() -> Function:
    right = textbook()
    return lambda q, k, v, **options: right(q, k, v, **options)._replace(dtype="float64")


@fault("lse-path-unnormalised")
def _lse_path_unnormalised() -> Function:
    right, wrong = textbook(), textbook(normalize=lambda numerators, total: numerators)
    return lambda q, k, v, **options: (wrong if options.get("return_lse") else right)(q, k, v, **options)


@fault("accepts-uneven-heads")
def _accepts_uneven_heads() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        hq, hkv = q.shape[1], k.shape[1]
        if hq % hkv:
            heads = np.minimum(np.arange(hq) // max(hq // hkv, 1), hkv - 1)
            k, v = k[:, heads], v[:, heads]
        return right(q, k, v, **options)

    return attend


@fault("accepts-unequal-features")
def _accepts_unequal_features() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        d = min(q.shape[-1], k.shape[-1])
        return right(q[..., :d], k[..., :d], v, **options)

    return attend


@fault("accepts-unequal-lengths")
def _accepts_unequal_lengths() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        sk = min(k.shape[2], v.shape[2])
        return right(q, k[:, :, :sk], v[:, :, :sk], **options)

    return attend


@fault("accepts-unequal-batches")
def _accepts_unequal_batches() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        entries = np.arange(q.shape[0])
        return right(q, k[entries % k.shape[0]], v[entries % v.shape[0]], **options)

    return attend


@fault("accepts-mixed-dtypes")
def _accepts_mixed_dtypes() -> Function:
    right = textbook()
    return lambda q, k, v, **options: right(q, k.astype(q.dtype), v.astype(q.dtype), **options)


@fault("out-and-lse-swapped")
def _out_and_lse_swapped() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(out=answer.lse, lse=answer.out) if options.get("return_lse") else answer

    return attend
