"""Mistakes about what is hidden: masks, windows, segments, lengths, and rows that see nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from .. import softmax
from ..inputs import Inputs
from ..steps import STEPS
from .making import other_corner, textbook

PENALTY = 10.0
"""What `mask-as-small-penalty` subtracts from hidden scores, instead of infinity."""


@fault("mask-ignored")
def _mask_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, mask=None))


@fault("mask-inverted")
def _mask_inverted() -> Function:
    return textbook(mask=lambda mask: ~mask)


@fault("mask-transposed")
def _mask_transposed() -> Function:
    return textbook(mask=lambda mask: np.swapaxes(mask, -1, -2).reshape(mask.shape))


@fault("mask-of-first-head")
def _mask_of_first_head() -> Function:
    return textbook(mask=lambda mask: mask[:, :1])


@fault("mask-of-first-entry")
def _mask_of_first_entry() -> Function:
    return textbook(mask=lambda mask: mask[:1])


@fault("mask-as-small-penalty")
def _mask_as_small_penalty() -> Function:
    def added(given: Inputs) -> Inputs:
        if given.mask is None:
            return given
        penalty = np.where(given.mask, 0.0, -PENALTY)
        return replace(given, mask=None, bias=penalty if given.bias is None else given.bias + penalty)

    return textbook(inputs=added)


@fault("hidden-nan-leaks")
def _hidden_nan_leaks() -> Function:
    return textbook(mix=lambda weights, v, visible: weights @ v)


# Windows


@fault("window-left-short")
def _window_left_short() -> Function:
    return textbook(window=lambda i, j, left, right: STEPS.window(i, j, None if left is None else left - 1, right))


@fault("window-left-long")
def _window_left_long() -> Function:
    return textbook(window=lambda i, j, left, right: STEPS.window(i, j, None if left is None else left + 1, right))


@fault("window-right-ignored")
def _window_right_ignored() -> Function:
    return textbook(window=lambda i, j, left, right: STEPS.window(i, j, left, None))


@fault("window-wrong-corner")
def _window_wrong_corner() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        shift = other_corner(q, k, options)
        moved = textbook(window=lambda i, j, left, right: STEPS.window(i + shift, j, left, right))
        return moved(q, k, v, **options)

    return attend


# Segments and lengths


@fault("segments-ignored")
def _segments_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, q_segments=None, kv_segments=None))


@fault("segments-of-first-entry")
def _segments_of_first_entry() -> Function:
    return textbook(segments=lambda query, key: query[:1] == key[:1])


@fault("segments-as-order")
def _segments_as_order() -> Function:
    return textbook(segments=lambda query, key: query >= key)


@fault("lengths-ignored")
def _lengths_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, kv_lengths=None))


@fault("lengths-one-too-many")
def _lengths_one_too_many() -> Function:
    return textbook(lengths=lambda j, length: j <= length)


@fault("lengths-one-too-few")
def _lengths_one_too_few() -> Function:
    def shortened(given: Inputs) -> Inputs:
        return given if given.kv_lengths is None else replace(given, kv_lengths=np.maximum(given.kv_lengths - 1, 0))

    return textbook(inputs=shortened)


@fault("lengths-of-first-entry")
def _lengths_of_first_entry() -> Function:
    return textbook(lengths=lambda j, length: j < length[:1])


# Rows that see nothing


@fault("empty-rows-give-nan")
def _empty_rows_give_nan() -> Function:
    return textbook(empty_row=lambda v, convention: np.array(np.nan))


@fault("empty-rows-give-first-value")
def _empty_rows_give_first_value() -> Function:
    return textbook(empty_row=lambda v, convention: v[..., :1, :] if v.shape[-2] else np.array(0.0))


@fault("empty-rows-lse-zero")
def _empty_rows_lse_zero() -> Function:
    return textbook(logsumexp=lambda shift, total: np.where(total == 0, 0.0, softmax.logsumexp(shift, total)))


@fault("no-keys-give-nan")
def _no_keys_give_nan() -> Function:
    def empty_row(v: Array, convention: str) -> Array:
        return softmax.empty_row(v, convention) if v.shape[-2] else np.array(np.nan)

    return textbook(empty_row=empty_row)


# Whose mask, and whose length


@fault("mask-read-flat")
def _mask_read_flat() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return right(q, k, v, **{**options, "mask": read_flat(options.get("mask"), q, k)})

    return attend


@fault("mask-entry-by-key-head")
def _mask_entry_by_key_head() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        mask = options.get("mask")
        heads = k.shape[1]
        if mask is not None and mask.ndim == 4 and mask.shape[:2] == (heads, 1) and heads > 1:
            options = {**options, "mask": np.repeat(mask, q.shape[1] // heads, axis=0)[None, :, 0]}
        return right(q, k, v, **options)

    return attend


@fault("mask-rows-as-entries")
def _mask_rows_as_entries() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        mask = options.get("mask")
        if mask is not None and mask.ndim == 2 and len(mask) == len(q):
            options = {**options, "mask": mask[:, None, None]}
        return right(q, k, v, **options)

    return attend


@fault("lengths-read-by-head")
def _lengths_read_by_head() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        b, hq = q.shape[:2]
        read = np.arange(b * hq).reshape(b, hq, 1, 1) % b
        return textbook(lengths=lambda j, length: j < length[read, 0, 0, 0])(q, k, v, **options)

    return attend


def read_flat(table: Array | None, q: Array, k: Array) -> Array | None:
    """An array broadcastable to (B, Hq, Sq, Sk) read as if it had that shape, and from its start again where it ends."""
    return table if table is None or not table.size else np.resize(table, (*q.shape[:3], k.shape[2]))
