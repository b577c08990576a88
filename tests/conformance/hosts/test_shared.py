"""Arrays cross through shared memory bit for bit, gaps included, and what does not fit is said to be nonsense."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from attnspec.adapters.arrays import FOREIGN
from attnspec.adapters.memory import MEMORIES, place
from attnspec.conformance.hosts.messages import Array, Garbled
from attnspec.conformance.hosts.shared import Laid, Mapped, dtype_named, new_file, read, write

DTYPES = ("float32", "float16", "float64", "bool", "int32", *FOREIGN)


@pytest.fixture
def file() -> Iterator[int]:
    opened = new_file()
    yield opened
    os.close(opened)


def some(dtype: str) -> np.ndarray:
    entry = np.random.default_rng(7).integers(0, 2, (1, 3, 2, 5)).astype(dtype_named(dtype))
    return np.broadcast_to(entry, (2, 3, 2, 5)).copy()


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_is_there_as_it_was_laid(file: int, dtype: str, memory: str) -> None:
    placed, laid = place(some(dtype), memory), Laid()
    laid.add(place(np.ones(7, np.float32)))
    array = laid.add(placed)
    write(file, laid.content())
    there = Mapped(file).placement(array)
    assert there.view().strides == placed.view().strides
    assert there.view().tobytes() == some(dtype).tobytes()
    assert there.buffer.tobytes() == placed.buffer.tobytes(), "gaps hold what they held"


def test_what_lies_between_arrays_is_nan(file: int) -> None:
    laid = Laid()
    first = laid.add(place(np.zeros(3, np.float32)))
    laid.add(place(np.zeros(3, np.float32)))
    write(file, laid.content())
    beyond = Array("float32", first.start - 4, 5, [5], [1], 0)
    seen = Mapped(file).placement(beyond).view()
    assert np.isnan(seen[[0, 4]]).all() and not seen[1:4].any()


def test_a_write_on_the_other_side_is_seen_on_this_one(file: int) -> None:
    placed, laid = place(some("float32"), "sliced"), Laid()
    array = laid.add(placed)
    write(file, laid.content())
    before = placed.buffer.tobytes()
    Mapped(file).placement(array).buffer[-1] = 5.0  # In the gap after the last row.
    after = read(file, 0, len(laid.content()))
    assert after != laid.content()
    laid.take_back(after)
    assert placed.buffer.tobytes() != before and placed.buffer[-1] == 5.0


def test_memory_grows_with_what_is_kept_and_old_views_stay(file: int) -> None:
    laid = Laid()
    array = laid.add(place(np.arange(4.0, dtype=np.float32)))
    write(file, laid.content())
    mapped = Mapped(file)
    view = mapped.placement(array).view()
    large = np.arange(1 << 20, dtype=np.float64)
    (start,) = mapped.keep([large], len(laid.content()))
    assert read(file, start, large.nbytes) == large.tobytes()
    assert view.tolist() == [0, 1, 2, 3]


def test_an_array_of_nothing_crosses(file: int) -> None:
    laid = Laid()
    array = laid.add(place(np.empty((2, 0, 3), np.float32)))
    write(file, laid.content())
    assert Mapped(file).placement(array).view().shape == (2, 0, 3)


def test_memory_that_is_not_there_is_nonsense_and_no_signal(file: int) -> None:
    write(file, bytes(100))
    os.ftruncate(file, 10)
    with pytest.raises(Garbled, match="100 bytes from 0 on"):
        read(file, 0, 100)


@pytest.mark.parametrize("name", ["object", "V8", "float12", "complex64", "O", "U3"])
def test_what_is_no_dtype_of_numbers_is_nonsense(name: str) -> None:
    with pytest.raises(Garbled, match=name):
        dtype_named(name)
