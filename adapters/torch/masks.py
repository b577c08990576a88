"""A boolean mask and a bias as the one `attn_mask` that PyTorch takes, and the mask of a causal diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..contract import ProblemView

__all__ = ["additive", "attention_mask", "four_axes", "rows_that_see"]


def attention_mask(mask: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor | None:
    """One attn_mask: bool with True = attend, or a bias in the dtype of q, −inf where the mask hides.

    mask, bias: broadcastable to (B, Hq, Sq, Sk); the result has four axes. None where neither is given.
    Source: torch.nn.functional.scaled_dot_product_attention, parameter attn_mask.
    """
    if bias is None:
        return None if mask is None else four_axes(mask)
    if mask is None:
        return four_axes(bias)
    return torch.where(four_axes(mask), four_axes(bias), float("-inf"))


def additive(attn_mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """An attn_mask as PyTorch's private operators take it: a bool one becomes 0 where it attends and −inf where it hides."""
    if attn_mask is None or attn_mask.dtype != torch.bool:
        return attn_mask
    return torch.zeros_like(attn_mask, dtype=dtype).masked_fill(~attn_mask, float("-inf"))


def four_axes(x: torch.Tensor) -> torch.Tensor:
    """x with axes of size 1 put before its own, four in all."""
    return x.reshape((1,) * (4 - x.ndim) + tuple(x.shape))


def rows_that_see(problem: ProblemView) -> Any:
    """Bool (B, Hq, Sq): which rows of a problem with at most `mask`, `bias` and a top-left `causal` see a key."""
    shape = (problem.b, problem.hq, problem.sq, problem.sk)
    mask: Any = problem.options.get("mask")
    visible = np.broadcast_to(True if mask is None else np.asarray(mask), shape)
    if problem.options.get("causal"):
        visible = visible & np.tri(problem.sq, problem.sk, dtype=bool)
    return visible.any(axis=-1)
