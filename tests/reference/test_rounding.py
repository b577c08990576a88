"""Rounding and preimages, over every bit pattern of the 16-bit dtypes and around every edge of float32."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from attnspec.reference.arithmetic import LARGEST, SMALLEST_NORMAL, SMALLEST_SUBNORMAL
from attnspec.reference.rounding import DTYPES, preimage, round_to, unit_in_last_place

Array = np.ndarray


def every_value(dtype: str) -> Array:
    """All values of a 16-bit dtype but NaN; for float32, all exponents with mantissas at their edges."""
    if dtype == "float32":
        mantissas = np.array([0, 1, 2, 0x400000, 0x7FFFFE, 0x7FFFFF], dtype=np.uint32)
        signs_and_exponents = np.arange(2**9, dtype=np.uint32) << np.uint32(23)
        bits = (signs_and_exponents[:, None] | mantissas).ravel()
    else:
        bits = np.arange(2**16, dtype=np.uint16)
    with np.errstate(invalid="ignore"):
        values = bits.view(DTYPES[dtype]).astype(np.float64)
    return np.asarray(values[~np.isnan(values)])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_preimage_is_what_rounds_to_the_value(dtype: str) -> None:
    x = every_value(dtype)
    low, high = preimage(x, dtype)
    assert (low < high).all()
    inside = [np.nextafter(low, np.inf), np.nextafter(high, -np.inf)]
    outside = [np.nextafter(low, -np.inf), np.nextafter(high, np.inf)]
    for near in inside:
        assert (round_to(near, dtype) == x)[np.isfinite(near)].all()
    for beyond in outside:
        assert (round_to(beyond, dtype) != x)[np.isfinite(beyond)].all()
    width = DTYPES[dtype].itemsize * 8
    even = x.astype(DTYPES[dtype]).view(f"u{width // 8}") % 2 == 0
    for end in (low, high):
        assert ((round_to(end, dtype) == x) == even)[np.isfinite(end)].all(), "a tie goes to the even value"
    assert np.isinf(high[x == np.inf]).all() and np.isinf(low[x == -np.inf]).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_preimages_meet_and_leave_no_gap(dtype: str) -> None:
    x = np.unique(every_value(dtype))
    low, high = preimage(x, dtype)
    np.testing.assert_array_equal(low[1:], high[:-1])
    assert (low[0], high[-1]) == (-np.inf, np.inf)


def test_preimage_is_lopsided_at_a_power_of_two_and_ends_at_the_overflow_threshold() -> None:
    low, high = preimage([1.0, 65504.0, np.inf, 0.0, 2.0**-24], "float16")
    assert low.tolist() == [1 - 2.0**-12, 65488.0, 65520.0, -(2.0**-25), 2.0**-25]
    assert high.tolist() == [1 + 2.0**-11, 65520.0, np.inf, 2.0**-25, 1.5 * 2.0**-24]
    assert round_to(65520.0, "float16") == np.inf
    assert round_to(np.nextafter(65520.0, 0), "float16") == 65504.0


def test_preimage_of_float64_reaches_to_the_neighbours() -> None:
    x = np.array([0.0, 1.0, -1.0, LARGEST["float64"], np.inf, -np.inf])
    low, high = preimage(x, "float64")
    largest = LARGEST["float64"]
    assert low.tolist() == [-(2.0**-1074), 1 - 2.0**-53, -1 - 2.0**-52, np.nextafter(largest, 0), largest, -np.inf]
    assert high.tolist() == [2.0**-1074, 1 + 2.0**-52, -1 + 2.0**-53, np.inf, np.inf, -largest]


def test_nan_has_no_preimage_and_other_values_are_refused() -> None:
    for end in preimage([np.nan], "bfloat16"):
        assert np.isnan(end).all()
    with pytest.raises(ValueError, match="no value of float16"):
        preimage(0.1, "float16")
    for function in (round_to, preimage, unit_in_last_place):
        with pytest.raises(ValueError, match="unknown dtype 'float8'"):
            function(1.0, "float8")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_rounding_is_to_the_nearest_in_exact_arithmetic(dtype: str) -> None:
    r = np.random.default_rng(11)
    values = np.unique(every_value(dtype))
    values = values[np.isfinite(values)]
    near = r.choice(values[1:-1], 400)
    x = near * (1 + r.choice([0, 2.0**-9, 2.0**-9 + 2.0**-41, 2.0**-12 - 2.0**-40, 1e-3], 400) * r.choice([1, -1], 400))
    rounded = round_to(x, dtype)
    for exact, got in zip(x, rounded, strict=True):
        distance = abs(Fraction(exact) - Fraction(got))
        assert 2 * distance <= Fraction(float(unit_in_last_place(exact, dtype)))


def test_bfloat16_is_rounded_once() -> None:
    """1 + 2^-8 is half-way between 1 and 1 + 2^-7; a hair more must go up, though float32 cannot hold the hair."""
    assert round_to(1 + 2.0**-8 + 2.0**-40, "bfloat16") == 1 + 2.0**-7
    assert round_to(1 + 2.0**-8, "bfloat16") == 1
    assert round_to(1 + 3 * 2.0**-8 - 2.0**-40, "bfloat16") == 1 + 2.0**-7


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_unit_in_last_place_is_the_gap_above(dtype: str) -> None:
    tiny, normal = SMALLEST_SUBNORMAL[dtype], SMALLEST_NORMAL[dtype]
    assert unit_in_last_place([0.0, tiny, -normal / 2, normal], dtype).tolist() == [tiny] * 4
    assert unit_in_last_place(2 * normal, dtype) == 2 * tiny
    assert np.isnan(unit_in_last_place([np.inf, np.nan], dtype)).all()
    one = np.array(1.0, dtype=DTYPES[dtype])
    assert unit_in_last_place(1.0, dtype) == float(np.nextafter(one, np.array(2.0, dtype=one.dtype))) - 1
    assert unit_in_last_place(1.5, dtype) == unit_in_last_place(1.0, dtype)
    assert unit_in_last_place(np.nextafter(1.0, 0), dtype) == unit_in_last_place(1.0, dtype) / 2
