"""Memory that a judge and a host share, and how arrays lie in it.

It is a file without a name. The host maps it into its memory, so that an implementation gets the very bytes that the judge
wrote, gaps of NaN included. The judge reads and writes it as a file: nothing that a host does to the file ends the judge.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from math import prod

import numpy as np

from ...adapters.arrays import FOREIGN
from ...adapters.memory import Placement
from .messages import Array, Garbled

__all__ = ["LARGEST", "Laid", "Mapped", "dtype_named", "new_file", "read", "write"]

ALIGNED = 64
"""Bytes on whose multiples arrays begin, as fast kernels want it."""

BETWEEN = b"\xff" * ALIGNED
"""What lies between arrays: NaN in every floating dtype, so that who reads past an end shows it."""


LARGEST = 1 << 32
"""Bytes of one array that a call returns; a larger one is not brought."""


def new_file() -> int:
    """The descriptor of an empty file that goes when nobody has it open."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("attnspec")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def write(file: int, content: bytes) -> None:
    """Make the file begin with so many bytes."""
    view, done = memoryview(content), 0
    while done < len(view):
        done += os.pwrite(file, view[done:], done)


def read(file: int, start: int, length: int) -> bytes:
    """Some bytes of the file. Raises Garbled where it has fewer, and for more than LARGEST."""
    if not 0 <= length <= LARGEST or not 0 <= start <= os.fstat(file).st_size - length:
        raise Garbled(f"{length} bytes from {start} on, which the shared memory does not have")
    parts, got = [], 0
    while got < length:
        part = os.pread(file, length - got, start + got)
        if not part:
            raise Garbled(f"{length} bytes from {start} on, which the shared memory does not have")
        parts.append(part)
        got += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def dtype_named(name: str) -> np.dtype:
    """A dtype of numbers by its name. Raises Garbled for one that is not known."""
    try:
        found = FOREIGN.get(name) or np.dtype(name)
    except TypeError:
        raise Garbled(f"the dtype {name!r}") from None
    if name not in FOREIGN and found.kind not in "fbiu":
        raise Garbled(f"the dtype {name!r}")
    return found


class Laid:
    """Placements that are laid one after the other, as a call needs them."""

    def __init__(self) -> None:
        self.placements: list[Placement] = []
        self._arrays: list[Array] = []
        self._parts: list[bytes] = [BETWEEN]
        self._size = ALIGNED

    def add(self, placement: Placement) -> Array:
        """Lay another one, and say where it lies."""
        content, dtype = placement.buffer.tobytes(), placement.buffer.dtype
        array = Array(
            dtype=dtype.name,
            start=self._size,
            length=placement.buffer.size,
            shape=list(placement.shape),
            strides=list(placement.strides),
            offset=placement.offset,
        )
        gap = BETWEEN + b"\xff" * (-len(content) % ALIGNED)
        self._parts += [content, gap]
        self._size += len(content) + len(gap)
        self.placements.append(placement)
        self._arrays.append(array)
        return array

    def content(self) -> bytes:
        """What the shared memory begins with."""
        return b"".join(self._parts)

    def take_back(self, content: bytes) -> None:
        """What the shared memory begins with after a call is what the placements hold from now on."""
        for placement, array in zip(self.placements, self._arrays, strict=True):
            end = array.start + placement.buffer.nbytes
            placement.buffer.view(np.uint8)[...] = np.frombuffer(content[array.start : end], np.uint8)


class Mapped:
    """The shared memory as a host has it: mapped, anew wherever it has grown."""

    def __init__(self, file: int) -> None:
        self.file = file
        self._map = mmap.mmap(-1, 1)
        self._size = 0

    def placement(self, array: Array) -> Placement:
        """An array that was laid, in the shared memory itself."""
        dtype = dtype_named(array.dtype)
        buffer = self._bytes(array.start, array.length * dtype.itemsize).view(dtype)
        return Placement(buffer, tuple(array.shape), tuple(array.strides), array.offset)

    def keep(self, arrays: Sequence[np.ndarray], start: int) -> list[int]:
        """Copy arrays behind byte `start`, and say where each begins."""
        places = []
        for array in arrays:
            start += -start % ALIGNED
            places.append(start)
            size = prod(array.shape) * array.dtype.itemsize
            if size:
                self._bytes(start, size)[...] = np.frombuffer(array.tobytes(), np.uint8)
            start += size
        return places

    def _bytes(self, start: int, length: int) -> np.ndarray:
        end = start + length
        if end > self._size:
            if os.fstat(self.file).st_size < end:
                os.ftruncate(self.file, end)
            self._size = max(os.fstat(self.file).st_size, 1)
            self._map = mmap.mmap(self.file, self._size)  # What an implementation keeps of the old one stays mapped.
        return np.frombuffer(self._map, np.uint8, length, start) if length else np.empty(0, np.uint8)
