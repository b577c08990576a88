"""Arrays cross into each framework and back without losing a bit, whatever the memory, and altered inputs are noticed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch

from attnspec.adapters.arrays import arrays_for, layout_back, layout_to
from attnspec.adapters.contract import ARRAYS, LAYOUTS, ContractError
from attnspec.adapters.memory import GAP, MEMORIES, place
from attnspec.conformance.problems import problem

DTYPES = [np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, np.int32, np.bool_]
STRANGE = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 6e-8, 65504.0]


def sample(dtype: Any, shape: tuple[int, ...] = (2, 3, 5, 4)) -> Any:
    """Random numbers with the strange ones among them, all batch entries equal so that they may be expanded."""
    rng = np.random.default_rng(2)
    one = rng.standard_normal((1, *shape[1:])) * 3
    if np.dtype(dtype).kind in "fV" and one.size >= len(STRANGE):
        one.reshape(-1)[: len(STRANGE)] = STRANGE
    return np.repeat(one, shape[0], axis=0).astype(dtype)


def test_memories_are_those_of_the_problems() -> None:
    assert problem.MEMORIES == MEMORIES


@pytest.mark.parametrize("layout", [None, *LAYOUTS])
@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ARRAYS)
def test_round_trip_is_bit_for_bit(kind: str, dtype: Any, memory: str, layout: str | None) -> None:
    arrays, array = arrays_for(kind), sample(dtype)
    crossed = arrays.to_framework(array, memory=memory, layout=layout)
    assert tuple(crossed.shape) == layout_to(array, layout).shape
    back = layout_back(arrays.from_framework(crossed), layout)
    assert back.dtype == array.dtype and back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 3, 4), (1, 1, 1, 1), (2, 3, 0, 4), (0, 3, 5, 4), (2, 2, 5, 0)])
@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("kind", ARRAYS)
def test_other_shapes_round_trip(kind: str, memory: str, shape: tuple[int, ...]) -> None:
    arrays, array = arrays_for(kind), sample(np.float32, shape)
    np.testing.assert_array_equal(arrays.from_framework(arrays.to_framework(array, memory=memory)), array)


def elements(x: Any) -> tuple[int, ...]:
    return tuple(x.stride()) if isinstance(x, torch.Tensor) else tuple(s // x.itemsize for s in x.strides)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_each_memory_lies_as_it_says(kind: str) -> None:
    arrays, array = arrays_for(kind), sample(np.float32)  # (B, H, S, D) = (2, 3, 5, 4)

    def lies(memory: str, layout: str | None = "bhsd") -> tuple[int, ...]:
        return elements(arrays.to_framework(array, memory=memory, layout=layout))

    assert lies("contiguous") == (60, 20, 4, 1)
    assert lies("transposed") == (60, 4, 12, 1)
    assert lies("transposed", "bshd") == (60, 4, 20, 1)
    assert lies("sliced") == (15 * (4 + GAP), 5 * (4 + GAP), 4 + GAP, 1)
    assert lies("offset") == (60, 20, 4, 1)
    assert lies("expanded") == (0, 20, 4, 1)
    shifted = arrays.to_framework(array, memory="offset")
    start = shifted.data_ptr() if kind == "torch" else shifted.ctypes.data
    assert start % (2 * array.itemsize) == array.itemsize


@pytest.mark.parametrize("memory", ["sliced", "offset"])
def test_gaps_hold_nan(memory: str) -> None:
    placed = place(np.zeros((2, 3), np.float32), memory)
    assert np.isnan(placed.buffer).sum() == placed.buffer.size - 6 == 2 * GAP
    assert not np.isnan(placed.view()).any()
    assert place(np.zeros((2, 3), bool), memory).buffer.sum() == 2 * GAP


def test_different_batch_entries_cannot_be_expanded() -> None:
    with pytest.raises(ValueError, match="the entries differ"):
        place(np.arange(4, dtype=np.float32).reshape(2, 2), "expanded")


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_snapshot_notices_a_write_also_into_a_gap(kind: str, memory: str) -> None:
    arrays = arrays_for(kind)
    crossed = arrays.to_framework(sample(ml_dtypes.bfloat16), memory=memory, layout="bshd")
    before = arrays.snapshot(crossed)
    assert arrays.snapshot(crossed) == before
    crossed[-1, -1, -1, -1] = 7
    assert arrays.snapshot(crossed) != before
    if memory == "sliced":
        before = arrays.snapshot(crossed)
        if kind == "torch":
            torch.as_strided(crossed, (1,), (1,), 4)[0] = 1.0
        else:
            crossed.base[4] = 1
        assert arrays.snapshot(crossed) != before


@pytest.mark.parametrize("kind", ARRAYS)
def test_a_crossing_shares_no_memory(kind: str) -> None:
    arrays, array = arrays_for(kind), sample(np.float32)
    crossed = arrays.to_framework(array)
    back = arrays.from_framework(crossed)
    kept = back.copy()
    array[...] = 9
    if kind != "jax":
        crossed[...] = 8
    np.testing.assert_array_equal(back, kept)
    assert not (arrays.from_framework(crossed) == 9).all()


def test_torch_tensors_come_back_detached_and_from_any_stride() -> None:
    x = torch.arange(12.0).reshape(3, 4).requires_grad_().T
    back = arrays_for("torch").from_framework(x)
    np.testing.assert_array_equal(back, np.arange(12.0).reshape(3, 4).T)
    assert back.flags.c_contiguous


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        ("numpy", torch.zeros(2), r"the output is a torch.Tensor, not a numpy.ndarray"),
        ("numpy", 1.0, "not a numpy.ndarray"),
        ("numpy", np.array(["a"]), "no number"),
        ("torch", np.zeros(2), "not a torch.Tensor"),
        ("torch", (torch.zeros(2),), "tuple"),
        ("torch", torch.zeros(2, 2).to_sparse(), "return a dense one"),
        ("jax", np.zeros(2), "not a jax.Array"),
        ("jax", None, "NoneType"),
    ],
)
def test_what_is_not_an_array_is_named(kind: str, wrong: Any, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        arrays_for(kind).from_framework(wrong)


def test_unknown_words_are_errors() -> None:
    with pytest.raises(ContractError, match="unknown arrays 'tensorflow'"):
        arrays_for("tensorflow")
    with pytest.raises(ValueError, match="unknown memory"):
        place(np.zeros(2, np.float32), "scattered")
    with pytest.raises(ValueError, match="unknown layout"):
        layout_to(np.zeros((1, 1, 1, 1)), "hbsd")
    with pytest.raises(ValueError, match="give layout=None"):
        layout_to(np.zeros(3), "bshd")
    with pytest.raises(ContractError, match="leave device away"):
        arrays_for("numpy").to_framework(np.zeros(2, np.float32), device="cuda")


def test_jax_refuses_to_narrow_silently() -> None:
    assert jax.devices()
    assert isinstance(arrays_for("jax").to_framework(np.zeros(2, np.float32), device="cpu"), jnp.ndarray)
    with pytest.raises(ContractError, match="jax_enable_x64"):
        arrays_for("jax").to_framework(np.zeros(2, np.float64))
