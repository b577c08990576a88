"""How an array is read whose strides are ignored."""

from __future__ import annotations

import numpy as np

from .making import Array

__all__ = ["as_if_contiguous"]


def as_if_contiguous(x: Array) -> Array:
    """As many elements as x has, from its first one on in the memory that it views; the last of that memory past its end."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if x.flags.c_contiguous or owner is x or not x.size:
        return x
    memory = owner.ravel(order="K").view(x.dtype)
    first = (x.__array_interface__["data"][0] - memory.__array_interface__["data"][0]) // x.itemsize
    places = np.minimum(first + np.arange(x.size), memory.size - 1)
    return np.asarray(memory[places]).reshape(x.shape)
