"""Mistakes about causality: the diagonal, the corner where it starts, and what switches it off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault, tile_size, tiles_down
from ..inputs import Inputs
from .making import other_corner, textbook


@fault("causal-ignored")
def _ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, causal=False))


@fault("causal-off-by-one")
def _off_by_one() -> Function:
    return textbook(causal=lambda i, j: j <= i + 1)


@fault("causal-hides-diagonal")
def _hides_diagonal() -> Function:
    return textbook(causal=lambda i, j: j < i)


@fault("causal-wrong-corner")
def _wrong_corner() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        shift = other_corner(q, k, options)
        return textbook(causal=lambda i, j: j <= i + shift)(q, k, v, **options)

    return attend


@fault("mask-switches-causal-off")
def _switched_off_by_a_mask() -> Function:
    return textbook(inputs=lambda given: replace(given, causal=given.causal and given.mask is None))


@fault("causal-switches-mask-off")
def _switches_the_mask_off() -> Function:
    return textbook(inputs=lambda given: replace(given, mask=None if given.causal else given.mask))


@fault("window-switches-causal-off")
def _switched_off_by_a_window() -> Function:
    return textbook(inputs=lambda given: replace(given, causal=given.causal and given.window is None))


@fault("causal-needs-a-mask")
def _needs_a_mask() -> Function:
    return textbook(inputs=lambda given: replace(given, causal=given.causal and given.mask is not None))


@fault("causal-by-default")
def _by_default() -> Function:
    return textbook(inputs=lambda given: replace(given, causal=given.causal or given.mask is None))


@fault("causal-raises-scores")
def _raises_scores() -> Function:
    def raised(given: Inputs) -> Inputs:
        shape = (*given.q.shape[:3], given.k.shape[2])
        return replace(given, bias=np.ones(shape) + (0.0 if given.bias is None else given.bias)) if given.causal else given

    return textbook(inputs=raised)


@fault("causal-by-tile")
def _by_tile() -> Function:
    return textbook(causal=lambda i, j: tiles_down(j) <= _first_of_tile(i) + tile_size() - 1)


@fault("causal-wrong-corner-in-full-tiles")
def _wrong_corner_in_full_tiles() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        shift = other_corner(q, k, options)

        def causal(i: Array, j: Array) -> Array:
            full = tiles_down(j) + tile_size() - 1 <= _first_of_tile(i)
            return np.asarray((j <= i) & (~full | (j <= i + shift)))

        return textbook(causal=causal)(q, k, v, **options)

    return attend


def _first_of_tile(i: Array) -> Array:
    """For the position of each query that of the first in its tile of queries, (B, 1, R, 1)."""
    return np.asarray(i - (i - i[:, :, :1]) % tile_size())
