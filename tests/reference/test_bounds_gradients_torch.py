"""PyTorch's own backward passes on the CPU: what they declare holds, and what one of them does not say shows.

The fused backward pass gathers dq, dk and dv in the dtype of q: its source calls the matrix product with beta = 1 on that
dtype, and the width of its accumulator can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.attention.bounds.gradients import judge_gradients
from attnspec.reference.rounding import DTYPES, round_to, unit_in_last_place

pytestmark = pytest.mark.long

NAMES = ("dq", "dk", "dv")
WHOLE = 1 << 30


def fused(q: Any, k: Any, v: Any, causal: bool) -> Any:
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def unfused(q: Any, k: Any, v: Any, causal: bool) -> Any:
    with sdpa_kernel(SDPBackend.MATH):
        return scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def written_out(q: Any, k: Any, v: Any, causal: bool) -> Any:
    """softmax(q·kᵀ·scale)·v as anyone writes it, every step in the dtype of q."""
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    scores = (q @ k.mT) * q.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), -torch.inf)
    return torch.softmax(scores, -1) @ v


def half_fused(**more: Any) -> dict[str, Any]:
    base = {"name": "half-fastexp", "weights_rounded": "before", "row_sum_from": "unrounded", "splits": 1}
    return {**base, "backward_weights": "recomputed", **more}


IN_FLOAT32: dict[str, Any] = {"name": "fp32", "tile": WHOLE, "splits": 1}
DECLARED: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "fused": (fused, {**IN_FLOAT32, "n_pre": 0, "tile": 512}, half_fused(gradients_in="input", gradient_tile=32)),
    "unfused": (unfused, IN_FLOAT32, {**IN_FLOAT32, "n_pre": 0}),
    "written out": (
        written_out,
        {**IN_FLOAT32, "backward_weights": "saved"},
        {"name": "half-naive", "n_pre": 0, "tile": WHOLE, "splits": 1, "backward_weights": "saved"},
    ),
}


def data(seed: int, s: int, dtype: str) -> list[Any]:
    """dout, q, k, v: normal numbers, with steep scores or positive values in some."""
    r = np.random.default_rng(seed)
    dout, q, k, v = (r.standard_normal((1, h, s, 64)) for h in (1 + seed % 2, 1 + seed % 2, 1, 1))
    if seed % 3 == 1:
        q = 4 * q
    if seed % 3 == 2:
        dout, v = np.abs(dout), 1 + np.abs(v)
    return [x.astype(DTYPES[dtype]) for x in (dout, q, k, v)]


def differentiated(of: Callable[..., Any], arrays: list[Any], dtype: str, causal: bool) -> list[Any]:
    dout, *inputs = (torch.tensor(x.astype(np.float32)).to(getattr(torch, dtype)) for x in arrays)
    for x in inputs:
        x.requires_grad_()
    of(*inputs, causal).backward(dout)
    return [x.grad.double().numpy() for x in inputs]


def reached(of: Callable[..., Any], arrays: list[Any], declared: Any, dtype: str, causal: bool) -> dict[str, float]:
    """The largest distance by its reach of dq, dk and dv."""
    answer = judge_gradients(*arrays, arithmetic=arithmetic_for(declared, dtype), dtype=dtype, causal=causal)
    found = {}
    for name, got in zip(NAMES, differentiated(of, arrays, dtype, causal), strict=True):
        exact, bound = getattr(answer, name), getattr(answer, f"{name}_bound")
        assert np.isfinite(bound).all()
        inside = (round_to(exact - bound, dtype) <= got) & (got <= round_to(exact + bound, dtype))
        ratio = np.abs(got - exact) / np.maximum(bound + unit_in_last_place(np.abs(exact) + bound, dtype) / 2, 2.0**-1000)
        found[name] = float(np.max(np.where(inside, np.minimum(ratio, 1), np.maximum(ratio, 1.001))))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", DECLARED)
def test_what_is_declared_holds(name: str, dtype: str) -> None:
    of, single, half = DECLARED[name]
    worst = dict.fromkeys(NAMES, 0.0)
    for seed, s in enumerate((64, 77, 256, 130, 192, 300)):
        ratios = reached(of, data(seed, s, dtype), single if dtype == "float32" else half, dtype, causal=seed % 2 == 0)
        assert max(ratios.values()) <= 1, f"seed {seed}: {ratios}"
        worst = {part: max(worst[part], ratios[part]) for part in NAMES}
    print(f"{name} {dtype}: {worst}")
    assert dtype == "float32" or max(worst.values()) > 0.1, "a bound this wide says nothing"


def test_gradients_gathered_in_bfloat16_leave_the_bound_until_that_is_declared() -> None:
    usual, declared = half_fused(), half_fused(gradients_in="input", gradient_tile=32)
    outside = 0
    for seed, s in ((0, 512), (1, 512), (2, 640), (5, 1024)):
        arrays = data(seed, s, "bfloat16")
        without = reached(fused, arrays, usual, "bfloat16", causal=False)
        print(f"seed {seed}, {s} keys: {without}")
        outside += without["dv"] > 1
        assert max(without["dq"], without["dk"]) <= 1
        assert max(reached(fused, arrays, declared, "bfloat16", causal=False).values()) < 0.7
        assert max(reached(unfused, arrays, usual, "bfloat16", causal=False).values()) <= 1
    assert outside >= 2


@pytest.mark.parametrize(("dtype", "kept"), [("bfloat16", 8), ("float16", 11)])
def test_the_width_of_the_accumulator_of_dv_can_be_read(dtype: str, kept: int) -> None:
    """With q = 0 every weight is 1/S. dO is 2^b in the first row and −2^b in the last, ±1 between, whose sum is left."""

    def exact_at(bits: int, of: Callable[..., Any]) -> bool:
        s, d = 256, 64
        dout = np.random.default_rng(0).choice([-1.0, 1.0], (1, 1, s, d))
        dout[:, :, 0], dout[:, :, -1] = 2.0**bits, -(2.0**bits)
        zero = np.zeros((1, 1, s, d))
        got = differentiated(of, [dout, zero, zero, zero], dtype, causal=False)[2]
        return bool((got == round_to(dout.sum(2, keepdims=True) / s, dtype)).all())

    assert all(exact_at(bits, fused) for bits in range(kept - 1))
    assert not any(exact_at(bits, fused) for bits in range(kept + 1, 15))
    assert all(exact_at(bits, unfused) for bits in range(15))
