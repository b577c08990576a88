"""How an array lies in memory before an implementation gets it.

Kernels read strides, and wrong strides give wrong numbers without an error. So the same values are delivered contiguous,
stored with heads and positions swapped, as a slice with gaps between rows, at an odd offset, or with stride 0 over the batch.
Gaps are filled with NaN (True in a bool array, the largest integer in an integer array): whoever reads them shows it.

A placement is described once, as a flat buffer with strides, and every framework that has strides views its own copy of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GAP", "MEMORIES", "Placement", "place"]

MEMORIES = ("contiguous", "transposed", "sliced", "offset", "expanded")

GAP = 3
"""Elements between two rows of a sliced array, and before and after an offset one. Odd, so that alignment is lost too."""


@dataclass(frozen=True)
class Placement:
    """An array of `shape` in a flat `buffer`: strides and offset count elements, not bytes."""

    buffer: NDArray[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def view(self) -> NDArray[Any]:
        """The array as NumPy sees it; its `base` is the buffer."""
        size = self.buffer.itemsize
        return np.ndarray(
            self.shape,
            dtype=self.buffer.dtype,
            buffer=self.buffer,
            offset=self.offset * size,
            strides=tuple(stride * size for stride in self.strides),
        )


def place(array: NDArray[Any], memory: str = "contiguous") -> Placement:
    """A copy of an array, of any shape and dtype, that lies in memory as asked.

    transposed: axes 1 and 2 of a 4-D array are stored swapped, the last two of a 3-D or 2-D one; a 1-D array stays as it is.
    sliced: each row along the last axis is followed by a gap, its elements stay adjacent.
    offset: contiguous, but starting GAP elements into a larger buffer.
    expanded: one entry of the leading axis is stored, and read with stride 0.

    Raises ValueError for an unknown memory, and for "expanded" where the entries of the leading axis differ.
    """
    if memory not in MEMORIES:
        raise ValueError(f"unknown memory {memory!r}; known: {', '.join(MEMORIES)}")
    shape = array.shape
    stored = shape
    before = 0
    if memory == "sliced" and array.ndim:
        stored = (*shape[:-1], shape[-1] + GAP)
    elif memory == "expanded" and array.ndim:
        _require_equal_entries(array)
        stored = (min(shape[0], 1), *shape[1:])
    elif memory == "offset":
        before = GAP
    order = _storage_order(array.ndim, memory)
    strides = _strides(stored, order)
    if memory == "expanded" and array.ndim:
        strides = (0, *strides[1:])
    buffer = _filled(before + prod(stored) + (GAP if memory == "offset" else 0), array.dtype)
    placed = Placement(buffer, shape, strides, before)
    if array.size:
        if memory == "expanded":
            Placement(buffer, stored, strides, before).view()[...] = array[:1]
        else:
            placed.view()[...] = array
    return placed


def _storage_order(ndim: int, memory: str) -> list[int]:
    """Axes from the slowest to the fastest in memory."""
    order = list(range(ndim))
    if memory == "transposed" and ndim >= 2:
        first, second = (1, 2) if ndim == 4 else (ndim - 2, ndim - 1)
        order[first], order[second] = order[second], order[first]
    return order


def _strides(stored: tuple[int, ...], order: list[int]) -> tuple[int, ...]:
    strides = [0] * len(stored)
    step = 1
    for axis in reversed(order):
        strides[axis] = step
        step *= max(stored[axis], 1)
    return tuple(strides)


def _filled(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A buffer that nobody may read unnoticed."""
    if dtype.kind == "b":
        return np.ones(size, dtype)
    if dtype.kind in "iu":
        return np.full(size, np.iinfo(dtype).max, dtype)
    return np.full(size, np.nan, dtype)


def _require_equal_entries(array: NDArray[Any]) -> None:
    if array.shape[0] > 1 and any(entry.tobytes() != array[0].tobytes() for entry in array[1:]):
        raise ValueError(
            f"memory 'expanded' reads one entry of the leading axis {array.shape[0]} times, but the entries differ; "
            "make them equal first"
        )
