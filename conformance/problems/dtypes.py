"""The dtypes of problems and of what is added to their scores, and what it takes to be representable in one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reference.arithmetic import FLOAT8
from ...reference.rounding import DTYPES

__all__ = ["MANTISSA", "bias_dtype", "rounded"]

MANTISSA = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7, "float8_e4m3fn": 3, "float8_e5m2": 2}
"""Stored bits of the significand; a subnormal is an integer below 2^MANTISSA times the smallest one."""


def rounded(x: NDArray[Any], dtype: str) -> NDArray[Any]:
    """x in a dtype by name. Raises ValueError where a finite number would overflow in a float8 dtype."""
    made = np.ascontiguousarray(x.astype(DTYPES[dtype]))
    if dtype in FLOAT8 and not np.isfinite(made).all():
        raise ValueError(f"{dtype} does not hold {np.max(np.abs(x)):g}; draw smaller numbers")
    return made


def bias_dtype(dtype: str) -> str:
    """The dtype of a bias beside queries of a dtype: the same, or bfloat16 beside float8, whose range no mask by −1e4 fits."""
    return "bfloat16" if dtype in FLOAT8 else dtype
