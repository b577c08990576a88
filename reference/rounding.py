"""Rounding to a dtype, and the reals that round to a given value.

A bound that says "the right answer, rounded" needs the exact set of reals behind a rounded number, which is lopsided at
powers of two and unbounded at infinity; half an ulp on either side is not it.

Dtypes are named: float64, float32, float16, bfloat16, float8_e4m3fn, float8_e5m2. Rounding is to nearest, ties to even
(IEEE 754-2019, section 4.3.1). float8_e4m3fn has no infinity: past its largest value 448 comes NaN, where ±inf would be.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from .arithmetic import FLOAT8, LARGEST, SMALLEST_NORMAL, SMALLEST_SUBNORMAL

__all__ = ["DTYPES", "preimage", "round_to", "unit_in_last_place"]

Array = NDArray[np.float64]

DTYPES: dict[str, Any] = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
}
"""The NumPy dtype of each name."""

BY_WAY_OF_FLOAT32 = ("bfloat16", *FLOAT8)
"""Dtypes of ml_dtypes, to which float64 goes by way of float32."""


def round_to(x: Any, dtype: str) -> Array:
    """x, float64 of any shape, rounded to dtype and back in float64.

    Beyond half a unit past the largest finite value it is ±inf, and NaN in float8_e4m3fn.

    Raises ValueError for an unknown dtype.
    """
    target = _dtype(dtype)
    exact = np.asarray(x, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow = _to_odd_float32(exact) if dtype in BY_WAY_OF_FLOAT32 else exact
        return np.asarray(narrow.astype(target).astype(np.float64))


def preimage(x: Any, dtype: str) -> tuple[Array, Array]:
    """(low, high): the closed interval of the reals that round to x, a value of dtype.

    The ends are the points half-way to the neighbours; a tie at an end rounds to x only where x is even, and the interval
    contains it either way. The largest finite value reaches to the overflow threshold, from which on reals round to ±inf.
    In float8_e4m3fn it reaches to 464, itself included, from which on they round to NaN; there ±inf is no value.
    float64 has no room for half-way points: its ends are the neighbours themselves, so the interval is wider than exact.
    NaN gives (NaN, NaN). Both zeros give the interval around zero.

    Raises ValueError for an unknown dtype, or where a value of x is not one of dtype.
    """
    target = _dtype(dtype)
    given = np.asarray(x)
    value = given.astype(np.float64)
    with np.errstate(all="ignore"):
        narrow = given if given.dtype == target else value.astype(target)
        if given.dtype != target:
            strange = value[(narrow.astype(np.float64) != value) & ~np.isnan(value)]
            if strange.size:
                raise ValueError(f"{strange.flat[0]!r} is no value of {dtype}; round it first")
        if dtype == "float64":
            return np.asarray(np.nextafter(value, -np.inf)), np.asarray(np.nextafter(value, np.inf))
        largest = LARGEST[dtype]
        low, high = (np.asarray(np.nextafter(narrow, target.type(end)).astype(np.float64)) for end in (-largest, largest))
        for end in (low, high):
            end += value
            end /= 2
    if np.fmax.reduce(np.abs(value), axis=None, initial=0.0) >= largest:
        threshold = largest + unit_in_last_place(largest, dtype) / 2
        for at, ends in (
            (largest, (None, threshold)),
            (np.inf, (threshold, np.inf)),
            (-largest, (-threshold, None)),
            (-np.inf, (-np.inf, -threshold)),
        ):
            for end, edge in zip((low, high), ends, strict=True):
                if edge is not None:
                    end[value == at] = edge
    return low, high


def unit_in_last_place(x: Any, dtype: str) -> Array:
    """The distance from |x| to the next larger value of dtype, for x of float64 in the range of dtype.

    For an x between two values it is their distance; at a power of two the larger of its two. NaN for NaN and infinities.
    Raises ValueError for an unknown dtype.
    """
    _dtype(dtype)
    magnitude = np.abs(np.asarray(x, dtype=np.float64))
    digits = round(np.log2(SMALLEST_NORMAL[dtype] / SMALLEST_SUBNORMAL[dtype]))
    _, exponent = np.frexp(np.maximum(magnitude, SMALLEST_NORMAL[dtype]))
    return np.where(np.isfinite(magnitude), np.ldexp(1.0, exponent - 1 - digits), np.nan)


def _dtype(dtype: str) -> Any:
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}; the dtypes are {', '.join(DTYPES)}")
    return DTYPES[dtype]


def _to_odd_float32(x: Array) -> NDArray[np.float32]:
    """x rounded to float32 with its last bit set where that was not exact (Boldo and Melquiond 2008, round to odd).

    ml_dtypes goes to its dtypes by way of float32, and rounding twice to nearest is not rounding once.
    """
    single = x.astype(np.float32)
    toward_zero = np.where(np.abs(single.astype(np.float64)) > np.abs(x), np.nextafter(single, np.float32(0)), single)
    inexact = (toward_zero.astype(np.float64) != x) & np.isfinite(x)
    odd = toward_zero.view(np.uint32) | inexact.astype(np.uint32)
    return np.asarray(odd, dtype=np.uint32).view(np.float32)
