"""Mistakes that only a kernel can make which divides the keys into splits and merges them: bounds, positions, weights.

There are two splits here, the first no shorter than the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arithmetic import LARGEST, SMALLEST_SUBNORMAL
from ...faults.making import Answer, Array, Function, fault, tile_size, tiles_up
from .. import softmax
from ..textbook import attention
from ..tiled_head import TILED_STEPS, Part
from .making import textbook, tiled

SPLITS = 2


def _first_split(sk: int) -> int:
    """Keys in the first split."""
    return -(-sk // SPLITS)


@fault("split-tail-leaks")
def _split_tail_leaks() -> Function:
    right = textbook()
    wrong = tiled(splits=SPLITS, tail=lambda columns, stop: columns < tiles_up(stop))

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return (right if _first_split(k.shape[2]) % tile_size() else wrong)(q, k, v, **options)

    return attend


@fault("splits-overlap")
def _splits_overlap() -> Function:
    def numerators(scores: Array, shift: Array, sinks: Array) -> Array:
        j, cut = np.arange(scores.shape[-1]), _first_split(scores.shape[-1])
        twice = (j >= cut) & (j < tiles_up(cut))
        return softmax.numerators(scores, shift, sinks) * np.where(twice, 2.0, 1.0)

    return textbook(numerators=numerators)


@fault("empty-split-gives-nan")
def _empty_split_gives_nan() -> Function:
    def merge(parts: list[Part]) -> Part:
        merged: Part = TILED_STEPS.merge([(np.where(np.isneginf(lse)[:, None], np.nan, out), lse) for out, lse in parts])
        return merged

    return tiled(splits=SPLITS, merge=merge)


@fault("empty-splits-merge-to-nan")
def _empty_splits_merge_to_nan() -> Function:
    def merge(parts: list[Part]) -> Part:
        out, lse = TILED_STEPS.merge(parts)
        nothing = np.isneginf(lse)
        return np.where(nothing[:, None], np.nan, out), np.where(nothing, np.nan, lse)

    return tiled(splits=SPLITS, merge=merge)


@fault("split-merge-overflows")
def _split_merge_overflows() -> Function:
    def merge(parts: list[Part]) -> Part:
        odds = np.exp(np.stack([lse for _, lse in parts]))
        odds = np.where(odds > LARGEST["float32"], np.inf, np.where(odds < SMALLEST_SUBNORMAL["float32"], 0.0, odds))
        total = odds.sum(axis=0)
        share = np.where(total == 0, 0.0, odds / total)
        return (share[:, :, None] * np.stack([out for out, _ in parts])).sum(axis=0), np.log(total)

    return tiled(splits=SPLITS, merge=merge)


@fault("split-lse-transposed")
def _split_lse_transposed() -> Function:
    def merge(parts: list[Part]) -> Part:
        lses = np.stack([lse for _, lse in parts])
        read = lses.reshape(lses.shape[::-1]).T
        merged: Part = TILED_STEPS.merge([(out, lse) for (out, _), lse in zip(parts, read, strict=True)])
        return merged

    return tiled(splits=SPLITS, merge=merge)


@fault("splits-merged-without-lse")
def _splits_merged_without_lse() -> Function:
    def merge(parts: list[Part]) -> Part:
        return np.mean([out for out, _ in parts], axis=0), TILED_STEPS.merge(parts)[1]

    right, wrong = textbook(), tiled(splits=SPLITS, merge=merge)
    return lambda q, k, v, **options: (right if options.get("return_lse") else wrong)(q, k, v, **options)


@fault("second-split-masked-as-first")
def _second_split_masked_as_first() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        placed = {"causal": False, "window": None, "mask": None}
        which: dict[str, Any] = {name: options.get(name) for name in (*placed, "causal_alignment") if name in options}
        if not which.get("causal") and which.get("window") is None and which.get("mask") is None:
            return right(q, k, v, **options)
        seen = attention(q, k, v, **which).visible
        cut = _first_split(k.shape[2])
        seen = np.concatenate([seen[..., :cut], seen[..., : k.shape[2] - cut]], axis=-1)
        return right(q, k, v, **{**options, **placed, "mask": seen})

    return attend


@fault("sink-in-every-split")
def _sink_in_every_split() -> Function:
    def with_sink(parts: list[Part], sink: float) -> list[Part]:
        sunk: list[Part] = TILED_STEPS.with_sink(parts, sink + np.log(len(parts)))
        return sunk

    right, wrong = textbook(), tiled(splits=SPLITS, with_sink=with_sink)
    return lambda q, k, v, **options: (right if options.get("sinks") is None else wrong)(q, k, v, **options)
