"""Mistakes about causality: the diagonal, the corner where it starts, and what switches it off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .making import Answer, Array, Function, fault, other_corner, textbook


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
        shift = other_corner(q, k, options.get("kv_lengths"))
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
