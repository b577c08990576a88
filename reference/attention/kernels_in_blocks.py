"""Operands that a simulated kernel quantises in blocks before it multiplies, as SageAttention and FlashAttention-3 do.

Each block of rows has one scale, its largest magnitude over the largest number of the narrow dtype. The mean of the keys is
taken out before, because keys of real models share a large one; q·mean is a shift of all scores of a row, and comes back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arithmetic import LARGEST
from ..rounding import round_to

__all__ = ["quantised"]

F = np.float32
ROWS, INT8, FP8 = {"q": 128, "k": 64, "v": 64}, 127.0, LARGEST["float8_e4m3fn"]


def quantised(q: Any, k: Any, v: Any, blocks: str, dtype: str) -> tuple[Any, Any, Any, Any]:
    """q, k without its mean, and v, float32 (B, H, S, D), as an "int8" or "fp8" kernel reads them; and q·mean (B, H, Sq, 1).

    v is narrowed by "fp8" alone. The mean is stored in dtype.
    """
    count = max(k.shape[2], 1)
    mean = round_to(k.sum(2, keepdims=True) / F(count), dtype).astype(F)
    shift = q @ mean.swapaxes(-1, -2)
    narrow = _int8 if blocks == "int8" else _fp8
    values = _by_blocks(v, ROWS["v"], narrow) if blocks == "fp8" else v
    return _by_blocks(q, ROWS["q"], narrow), _by_blocks(k - mean, ROWS["k"], narrow), values, shift


def _by_blocks(x: Any, rows: int, narrow: Any) -> Any:
    made = np.zeros_like(x)
    for start in range(0, x.shape[2], rows):
        at = slice(start, start + rows)
        made[:, :, at] = narrow(x[:, :, at])
    return made


def _int8(x: Any) -> Any:
    unit = np.abs(x).max(axis=(2, 3), keepdims=True, initial=0) / F(INT8)
    unit = np.where(unit == 0, F(1), unit)
    return np.rint(x / unit) * unit


def _fp8(x: Any) -> Any:
    unit = np.abs(x).max(axis=(2, 3), keepdims=True, initial=0) / F(FP8)
    unit = np.where(unit == 0, F(1), unit)
    return round_to(np.clip(x / unit, -F(FP8), F(FP8)), "float8_e4m3fn").astype(F) * unit
