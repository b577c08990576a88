"""Mistakes about windows that another option, another row or another size must help to show.

The plain ones, an end that is off by one or left away, are in masks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault, tile_size, tiles_down
from ..inputs import Inputs
from ..steps import STEPS
from .making import textbook


@fault("long-window-switches-causal-off")
def _long_window_switches_causal_off() -> Function:
    def heeded(given: Inputs) -> Inputs:
        left = None if given.window is None else given.window[0]
        if given.causal and left is not None and left >= given.k.shape[2]:
            return replace(given, causal=False, window=None)
        return given

    return textbook(inputs=heeded)


@fault("window-clamped-to-keys")
def _window_clamped_to_keys() -> Function:
    def window(i: Array, j: Array, left: int | None, right: int | None) -> Array:
        seen: Array = STEPS.window(i, j, *(None if side is None else min(side, len(j)) for side in (left, right)))
        return seen

    return textbook(window=window)


@fault("window-counts-heads")
def _window_counts_heads() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        folded, heads = q.shape[2] == 1 and k.shape[1] == 1, np.arange(q.shape[1])[:, None, None]
        around = (lambda i, j, left, right: STEPS.window(heads, j, left, right)) if folded else STEPS.window
        return textbook(window=around)(q, k, v, **options)

    return attend


@fault("window-alone-ignored")
def _window_alone_ignored() -> Function:
    def heeded(given: Inputs) -> Inputs:
        alone = not given.causal and given.mask is None and given.kv_lengths is None
        return replace(given, window=None) if alone else given

    return textbook(inputs=heeded)


@fault("window-binds-looser")
def _window_binds_looser() -> Function:
    right = textbook()
    wrong = textbook(
        inputs=lambda given: replace(given, causal=False),
        window=lambda i, j, left, right: (STEPS.window(i, j, left, right).astype(np.int64) & i) >= j,
    )

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        both = options.get("causal") and options.get("window") is not None
        return (wrong if both else right)(q, k, v, **options)

    return attend


@fault("window-of-last-query-for-all")
def _window_of_last_query_for_all() -> Function:
    def window(i: Array, j: Array, left: int | None, right: int | None) -> Array:
        return np.asarray(STEPS.window(i, j, None, right) & STEPS.window(i[:, :, -1:], j, left, None))

    return textbook(window=window)


@fault("window-counts-visited-tiles")
def _window_counts_visited_tiles() -> Function:
    def window(i: Array, j: Array, left: int | None, right: int | None) -> Array:
        row = i - i[:, :, :1]
        first = i - row % tile_size()
        skipped = 0 if left is None else tiles_down(np.maximum(first - left, 0))
        return np.asarray(STEPS.window(i, j - skipped, left, right) & (j >= skipped))

    return textbook(window=window)


@fault("window-switches-sinks-off")
def _window_switches_sinks_off() -> Function:
    return textbook(inputs=lambda given: replace(given, sinks=given.sinks if given.window is None else None))
