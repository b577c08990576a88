"""The script lays arrays out as the kit does: a kernel that reads memory wrongly must read it as wrongly there."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from attnspec.adapters import memory
from attnspec.conformance.replaying import template

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 5), (6,), (1, 1, 1, 1)])
@pytest.mark.parametrize("dtype", [np.dtype(np.float32), BFLOAT16, np.dtype(np.int32), np.dtype(bool)])
@pytest.mark.parametrize("how", memory.MEMORIES)
def test_values_strides_and_fillers_are_those_of_the_kit(how: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    one = np.arange(np.prod(shape[1:], dtype=int)).reshape(shape[1:]) % 2
    array = np.broadcast_to(one, shape).astype(dtype)
    ours, theirs = template.place(array, how), memory.place(array, how).view()
    assert ours.dtype == array.dtype and ours.tobytes() == array.tobytes()
    steps = [(a, b) for a, b, n in zip(ours.strides, theirs.strides, shape, strict=True) if n > 1]
    assert all(a == b for a, b in steps)
    if how in ("sliced", "offset"):
        around = (ours if ours.base is None else ours.base).reshape(-1)
        gap = around[shape[-1]] if how == "sliced" else around[0]
        assert gap.tobytes() == memory.place(array, how).buffer[shape[-1] if how == "sliced" else 0].tobytes()


def test_entries_that_differ_are_not_expanded() -> None:
    array = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)
    assert np.array_equal(template.place(array, "expanded"), array)
