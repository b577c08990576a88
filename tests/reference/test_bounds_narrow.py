"""Bounds of arithmetic that is narrow throughout, and of operands that are quantised in blocks, hold, and not by far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import NAMED, arithmetic_for
from attnspec.reference.attention.bounds import judge
from attnspec.reference.attention.bounds.flat import flat_bounds
from attnspec.reference.attention.kernels import NARROW_KERNELS, arithmetic_of, as_callable
from attnspec.reference.attention.kernels_in_blocks import quantised
from attnspec.reference.attention.textbook import attention
from attnspec.reference.rounding import DTYPES, round_to, unit_in_last_place

HALF = ("float16", "bfloat16")
SIZES = [(3, 17, 16), (33, 65, 64), (1, 100, 32)]
"""Of 128 keys and more nothing is promised in bfloat16 throughout."""


def arrays(dtype: str, sq: int, sk: int, d: int, spread: float = 1.0, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    sizes = ((sq, spread), (sk, 1.0), (sk, 1.0))
    return tuple(round_to(s * rng.standard_normal((1, 2, n, d)), dtype).astype(DTYPES[dtype]) for n, s in sizes)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("name", NARROW_KERNELS)
def test_no_kernel_leaves_its_bound(name: str, dtype: str) -> None:
    kernel, worst = NARROW_KERNELS[name], 0.0
    for (sq, sk, d), spread in zip(SIZES * 3, (0.3, 0.3, 0.3, 1, 1, 1, 3, 3, 3), strict=True):
        q, k, v = arrays(dtype, sq, sk, d, spread)
        answer = judge(q, k, v, arithmetic=arithmetic_of(kernel, dtype), dtype=dtype)
        out, lse = as_callable(kernel)(q, k, v, return_lse=True)
        error = np.abs(out.astype(np.float64) - answer.out)
        half = unit_in_last_place(out.astype(np.float64), dtype) / 2
        assert (error <= answer.out_bound + half).all()
        assert (np.abs(lse - answer.lse) <= answer.lse_bound).all()
        assert np.isfinite(answer.out_bound).all()
        worst = max(worst, float((error / (answer.out_bound + half)).max()))
    assert worst > 0.005, "the bound would hold a kernel two hundred times as coarse"


@pytest.mark.parametrize("dtype", HALF)
def test_what_a_kernel_declares_is_needed(dtype: str) -> None:
    """Under `half` the same kernels lie outside of their bounds."""
    for kernel in NARROW_KERNELS.values():
        q, k, v = arrays(dtype, 33, 65, 64, 3.0)
        answer = judge(q, k, v, arithmetic=arithmetic_for("half", dtype), dtype=dtype)
        out = as_callable(kernel)(q, k, v).astype(np.float64)
        assert (np.abs(out - answer.out) > answer.out_bound + unit_in_last_place(out, dtype) / 2).any()


def test_a_sum_that_float16_does_not_hold_is_promised_nothing() -> None:
    q, k, v = arrays("float16", 2, 64, 16)
    large = (v.astype(np.float64) * 0 + 2000).astype(np.float16)
    narrow = arithmetic_for("float16-throughout", "float16")
    assert np.isinf(judge(q, k, large, arithmetic=narrow, dtype="float16").out_bound).all()
    assert np.isfinite(judge(q, k, large / 4, arithmetic=narrow, dtype="float16").out_bound).all()
    wide = arithmetic_for("half-naive", "float16")
    assert np.isfinite(judge(q, k, large, arithmetic=wide, dtype="float16").out_bound).all()


def test_hidden_keys_share_the_scale_of_a_block() -> None:
    q, k, v = arrays("float16", 4, 8, 16)
    mask = np.arange(8) < 6
    poisoned = k.copy()
    poisoned[:, :, 6:] = 100
    blocks = NAMED["int8-block"]
    plain, wider = (
        judge(q, x, v, arithmetic=arithmetic_for("int8-block", "float16"), dtype="float16", mask=mask).lse_bound.max()
        for x in (k, poisoned)
    )
    assert wider > 10 * plain and blocks.u_block == 1 / 250
    poisoned[:, :, 7] = np.nan
    unknown = judge(q, poisoned, v, arithmetic=arithmetic_for("int8-block", "float16"), dtype="float16", mask=mask)
    assert np.isinf(unknown.out_bound).all()


def test_a_score_of_zero_need_not_stay_zero_where_keys_are_quantised_without_their_mean() -> None:
    q, k, v = (np.zeros((1, 1, n, 16)) for n in (1, 32, 32))
    q[..., 0], k[:, :, :16, 0] = 512.0, -1.0
    for query, exact in ((q, False), (0 * q, True)):
        attended = attention(query, k, v)
        for name, sharp in (("half", True), ("int8-block", exact)):
            made = {"attended": attended, "arithmetic": arithmetic_for(name, "float16"), "dtype": "float16"}
            assert (flat_bounds(query, k, v, **made)[1].max() < 1e-4) == sharp


@pytest.mark.parametrize(("blocks", "share"), [("int8", 1 / 250), ("fp8", 2.0**-4)])
def test_quantised_operands_are_near_what_they_were(blocks: str, share: float) -> None:
    q, k, v = (x.astype(np.float32) for x in arrays("float16", 130, 70, 16))
    read_q, read_k, read_v, shift = quantised(q, k, v, blocks, "float16")
    assert np.abs(read_q - q).max() <= share * np.abs(q).max()
    mean = k.mean(2, keepdims=True)
    assert np.abs(read_k + mean - k).max() <= 1.01 * share * np.abs(k - mean).max() + 1e-3
    assert np.abs(shift - q @ mean.swapaxes(-1, -2)).max() < 1e-2
    assert np.array_equal(read_v, v) == (blocks == "int8")
