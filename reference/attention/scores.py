"""From queries and keys to scores, one small step for each option that changes a score.

The order of the steps is itself part of the definition (scale, softcap, bias, ALiBi, hide) and stands in
`steps.STEPS.order`, so that "softcap after the mask" is another order and not another program.
All arrays are float64; scores are (B, Hq, R, Sk).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["add_alibi", "add_bias", "cap", "dot", "hide", "kv_head", "multiply", "scale_of"]

Array = NDArray[Any]


def kv_head(hq: int, hkv: int) -> Array:
    """The key/value head of each query head, int64 (Hq,): h // (Hq / Hkv), so that neighbours share one.

    Source: Ainslie et al. 2023 (GQA), figure 2.
    """
    return np.arange(hq) // (hq // hkv)


def dot(q: Array, k: Array) -> Array:
    """q: (B, Hq, R, D), k: (B, Hq, Sk, D) → q·k, (B, Hq, R, Sk)."""
    return q @ np.swapaxes(k, -1, -2)


def scale_of(scale: float | None, d: int, dv: int) -> float:
    """The given scale, or 1/sqrt(D). Source: Vaswani et al. 2017, equation 1. dv is there for those who get it wrong."""
    return 1 / math.sqrt(d) if scale is None else scale


def multiply(scores: Array, scale: float) -> Array:
    """scores·scale."""
    return scores * scale


def cap(scores: Array, softcap: float) -> Array:
    """softcap·tanh(scores / softcap). Source: Gemma 2 technical report 2024, section 2."""
    return softcap * np.tanh(scores / softcap)


def add_bias(scores: Array, bias: Array) -> Array:
    """bias: (B, Hq, R, Sk), neither scaled nor capped."""
    return scores + bias


def add_alibi(scores: Array, slopes: Array, i: Array, j: Array) -> Array:
    """scores − slope·|i − j| with slopes (1, Hq, 1, 1), i the position of the query (B, 1, R, 1), j the key (Sk,).

    Source: Press et al. 2022 (ALiBi), section 3, made symmetrical for queries that look ahead, as FlashAttention does.
    """
    biased: Array = scores - slopes * np.abs(i - j)
    return biased


def hide(scores: Array, visible: Array) -> Array:
    """−inf where hidden, whatever stood there (NaN and infinities of hidden keys end here)."""
    return np.where(visible, scores, -np.inf)
