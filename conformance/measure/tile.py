"""How many keys a tile has, where that can be seen from outside.

A tile shows in the last bits alone. A key of score −g−a stands beside one of −g; the largest score, 0, comes later. In one
tile with it the key's weight is exp(−g−a), in a tile before it exp(−a), times exp(−g) when the maximum rises. The products
of two rounded factors and the rounding of one differ in the last bit about every second time; where weights are stored in
half precision before they are normalised, it is the stored one that differs. So the largest score is moved away from the key
until the answer changes: that is the edge of the tile.

A kernel that takes the softmax over whole rows, or reads the maximum beforehand, shows no tile, and neither does one whose
weights are rounded after normalisation: the reading is None. A split whose parts are merged later reads like a tile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..engine.subject import Subject
from .asking import FEATURES, form_of, outputs

__all__ = ["tile_size"]

KEYS, FEWER = 2048, 512
"""Keys of the problems, and where there must be as many queries; a tile of that many and more is not seen."""

ROWS = 1 + np.arange(16) / 8
"""Each query stretches all scores by its own factor, so that each has another a."""

FAR = 512.0
"""Score of all other keys, whose weight is 0."""

ENOUGH = 2
"""Rows that must change, of sixteen, lest a tie in one of them be taken for an edge."""

GAPS = {"float32": (20.0, 2.5), "float16": (3.0, 0.375), "bfloat16": (3.0, 0.375)}
"""g and a. In float32 exp(−20) is lost in a row sum of 1, so that nothing but the weight itself is read."""


def tile_size(subject: Subject) -> int | None:
    """Keys in the first tile, or in the last for a kernel that goes from right to left; None where no tile shows.

    Raises NotClaimed, Raised and Broken as `Subject.out` does, and TooCoarse in float8.
    """
    count = FEWER if form_of(subject).each == "last" else KEYS
    for backwards in (False, True):
        size = _edge(partial(_reading, subject, count, backwards), count)
        if size is not None:
            return size
    return None


def _edge(reading: Callable[[int], Any], count: int) -> int | None:
    """The first place of the largest score at which the answer is another one. It stays so from there on."""
    near = reading(2)

    def other(place: int) -> bool:
        return int((reading(place) != near).sum()) >= ENOUGH

    low, high = 2, count - 1
    if not other(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if other(middle) else (middle, high)
    return high


def _reading(subject: Subject, count: int, backwards: bool, place: int) -> Any:
    """The weight of the key at the end, (16,), with the largest score at a place counted from that end."""
    gap, more = GAPS.get(subject.dtype, GAPS["bfloat16"])
    keys, values = np.full(count, FAR), np.zeros((count, FEATURES))
    keys[[0, 1, place]] = gap + more, gap, 0.0
    values[0] = 2.0**14
    if backwards:
        keys, values = keys[::-1].copy(), values[::-1].copy()
    return outputs(subject, ROWS, keys, values)[:, 0]
