"""Mistakes about rows that see no key which reach past one number: what is written, what spreads, what is merged next.

The plain ones, another constant instead of zeros, are in masks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault, tile_size
from .. import softmax
from .making import textbook

SENTINEL = -1e30
"""The score of a hidden key in `hidden-scores-finite`, which float32 and bfloat16 hold as well."""


@fault("hidden-scores-finite")
def _hidden_scores_finite() -> Function:
    return textbook(hide=lambda scores, visible: np.where(visible, scores, SENTINEL))


@fault("empty-rows-lse-infinite")
def _empty_rows_lse_infinite() -> Function:
    return textbook(logsumexp=lambda shift, total: np.where(total == 0, np.inf, softmax.logsumexp(shift, total)))


@fault("empty-rows-unwritten")
def _empty_rows_unwritten() -> Function:
    right = textbook()
    buffers: dict[tuple[int, ...], Answer] = {}

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        empty = np.isneginf(answer.lse)
        found = buffers.get(answer.out.shape, Answer(np.ones_like(answer.out), np.ones_like(answer.lse), None))
        out = np.where(empty[..., None], found.out, answer.out)
        answer = answer._replace(out=out, lse=np.where(empty, found.lse, answer.lse))
        buffers[answer.out.shape] = answer
        return answer

    return attend


@fault("empty-entry-clears-next")
def _empty_entry_clears_next() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer, lengths = right(q, k, v, **options), options.get("kv_lengths")
        rows = np.moveaxis(answer.out, 2, 1).reshape(-1, *answer.out.shape[1::2]).copy()
        sq = q.shape[2]
        for entry in np.flatnonzero(np.asarray(lengths) == 0) if lengths is not None else ():
            rows[(entry + 1) * sq : max(entry * sq + tile_size(), (entry + 1) * sq)] = 0.0
        return answer._replace(out=np.moveaxis(rows.reshape(len(q), sq, *rows.shape[1:]), 1, 2))

    return attend


@fault("causal-with-mask-gives-nan")
def _causal_with_mask_gives_nan() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        both = bool(options.get("causal")) and options.get("mask") is not None
        return answer._replace(out=np.where(np.isneginf(answer.lse)[..., None] & both, np.nan, answer.out))

    return attend


@fault("empty-row-spoils-entry")
def _empty_row_spoils_entry() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        spoilt = np.asarray(np.isneginf(answer.lse).any(axis=(1, 2)))[:, None, None, None]
        return answer._replace(out=np.where(spoilt, np.nan, answer.out))

    return attend


@fault("nan-becomes-zero")
def _nan_becomes_zero() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(out=np.where(np.isnan(answer.lse)[..., None], 0.0, answer.out))

    return attend
