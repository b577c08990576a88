"""Rounding to the float8 dtypes, over all 256 codes of each, every point half-way between them, and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from attnspec.reference.arithmetic import FLOAT8, LARGEST, ROUNDOFF, SMALLEST_NORMAL, SMALLEST_SUBNORMAL
from attnspec.reference.rounding import DTYPES, preimage, round_to, unit_in_last_place

BIAS = {"float8_e4m3fn": (3, 7), "float8_e5m2": (2, 15)}
"""Bits of the mantissa and bias of the exponent, as in arXiv:2209.05433, table 1."""


def decoded(code: int, dtype: str) -> Fraction | None:
    """The number of a code by the definition of the format, None for NaN and infinities."""
    bits, bias = BIAS[dtype]
    mantissa, exponent = code % 2**bits, code % 128 >> bits
    top = 127 >> bits
    if exponent == top and (mantissa == 7 if dtype == "float8_e4m3fn" else True):
        return None
    hidden = 1 if exponent else 0
    size = (hidden + Fraction(mantissa, 2**bits)) * Fraction(2) ** (max(exponent, 1) - bias)
    return -size if code >= 128 else size


def every_value(dtype: str) -> np.ndarray:
    """All finite values, each once, ascending."""
    found = {float(x) for code in range(256) if (x := decoded(code, dtype)) is not None}
    return np.array(sorted(found))


@pytest.mark.parametrize("dtype", FLOAT8)
def test_every_code_is_the_number_that_the_format_says(dtype: str) -> None:
    codes = np.arange(256, dtype=np.uint8).view(DTYPES[dtype]).astype(np.float64)
    for code, value in enumerate(codes):
        due = decoded(code, dtype)
        assert (Fraction(value) == due) if due is not None else not np.isfinite(value)
    assert np.isinf(codes).any() == (dtype == "float8_e5m2")


@pytest.mark.parametrize("dtype", FLOAT8)
def test_the_tables_are_those_of_the_format(dtype: str) -> None:
    values = every_value(dtype)
    positive = values[values > 0]
    assert LARGEST[dtype] == values[-1]
    assert SMALLEST_SUBNORMAL[dtype] == positive[0]
    assert SMALLEST_NORMAL[dtype] == float(Fraction(2) ** (1 - BIAS[dtype][1]))
    normal = positive[positive >= SMALLEST_NORMAL[dtype]]
    assert ROUNDOFF[dtype] == np.max(np.diff(normal) / normal[:-1]) / 2


@pytest.mark.parametrize("dtype", FLOAT8)
def test_rounding_is_to_the_nearest_and_ties_to_even(dtype: str) -> None:
    values = every_value(dtype)
    assert (round_to(values, dtype) == values).all()
    low, high = values[:-1], values[1:]
    middle = (low + high) / 2
    even = np.where(low.astype(DTYPES[dtype]).view(np.uint8) % 2 == 0, low, high)
    assert (round_to(middle, dtype) == even).all()
    for nudge, due in ((2.0**-40, high), (-(2.0**-40), low)):
        beside = middle + nudge * np.abs(middle) + (nudge if np.any(middle == 0) else 0)
        assert (round_to(beside, dtype) == due)[middle > 0].all(), "float32 does not hold the nudge, and rounding is once"
    x = np.random.default_rng(3).uniform(-1.0, 1.0, 500) * 2.0 ** np.random.default_rng(4).integers(-12, 8, 500)
    for exact, got in zip(x, round_to(x, dtype), strict=True):
        least = min(abs(Fraction(exact) - Fraction(value)) for value in values.tolist())
        assert abs(Fraction(exact) - Fraction(got)) == least


@pytest.mark.parametrize("dtype", FLOAT8)
def test_preimages_meet_and_leave_no_gap(dtype: str) -> None:
    values = every_value(dtype)
    low, high = preimage(values, dtype)
    np.testing.assert_array_equal(low[1:], high[:-1])
    for near in (np.nextafter(low, np.inf), np.nextafter(high, -np.inf)):
        assert (round_to(near, dtype) == values).all()
    for beyond in (np.nextafter(low, -np.inf), np.nextafter(high, np.inf)):
        assert (round_to(beyond, dtype) != values).all()


def test_the_largest_of_e4m3fn_reaches_to_464_and_then_comes_nan() -> None:
    low, high = preimage([448.0, -448.0], "float8_e4m3fn")
    assert low.tolist() == [432.0, -464.0] and high.tolist() == [464.0, -432.0]
    assert round_to([464.0, -464.0], "float8_e4m3fn").tolist() == [448.0, -448.0]
    assert np.isnan(round_to([np.nextafter(464.0, 500.0), 1e300, np.inf], "float8_e4m3fn")).all()
    with pytest.raises(ValueError, match=r"inf.* is no value of float8_e4m3fn"):
        preimage(np.inf, "float8_e4m3fn")
    assert np.isnan(preimage(np.nan, "float8_e4m3fn")).all()


def test_the_largest_of_e5m2_reaches_to_61440_and_then_comes_infinity() -> None:
    low, high = preimage([57344.0, np.inf], "float8_e5m2")
    assert low.tolist() == [53248.0, 61440.0] and high.tolist() == [61440.0, np.inf]
    assert round_to([np.nextafter(61440.0, 0.0), 61440.0], "float8_e5m2").tolist() == [57344.0, np.inf]


@pytest.mark.parametrize("dtype", FLOAT8)
def test_unit_in_last_place_is_the_gap_above(dtype: str) -> None:
    values = every_value(dtype)
    gaps = np.diff(values[values >= 0])
    assert (unit_in_last_place(values[values >= 0][:-1], dtype) == gaps).all()
