"""Score tests: correct kernels stay inside what is predicted, and each mistake is estimated at its size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.attention.bounds.replicates import mean_gain, student
from attnspec.reference.attention.bounds.score import Estimate, Residual, gain, mixing, noise_of, quantile, scale
from attnspec.reference.attention.bounds.score_keys import key_weights, roughness, value_rows
from attnspec.reference.attention.kernels import KERNELS, arithmetic_of
from attnspec.reference.attention.kernels import as_callable as kernel
from attnspec.reference.attention.textbook import attention
from attnspec.reference.faults.catalogue import as_callable
from attnspec.reference.rounding import DTYPES, round_to

pytestmark = pytest.mark.long

NAMES = ["float32", "float16", "bfloat16"]
ALL = {"scale": scale, "gain": gain, "mixing": mixing, "keys": key_weights, "values": value_rows}
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"causal": True}, {"window": (16, 4)}, {"scale": 0.3})


def drawn(dtype: str, seed: int, heads: int = 2, sq: int = 64, sk: int = 96, d: int = 32, sigma: float = 1.0) -> Any:
    r = np.random.default_rng([seed, 77])
    q, k, v = (r.standard_normal((1, heads, n, d)) for n in (sq, sk, sk))
    return tuple(x.astype(DTYPES[dtype]) for x in (sigma * q, k, v))


def residual(out: Any, inputs: tuple[Any, ...], arithmetic: Arithmetic, **options: Any) -> Residual:
    dtype = inputs[0].dtype.name
    noise = noise_of(*inputs, attended=attention(*inputs, **options), arithmetic=arithmetic, dtype=dtype, **options)
    return Residual.of(noise, out)


def outside(found: Estimate, about: float = 0.0) -> float:
    """The largest distance from `about`, as a share of the room."""
    known = np.isfinite(found.room)
    return float(np.max(np.where(known, np.abs(found.value - about) / np.where(known, found.room, 1.0), 0.0)))


@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n in KERNELS for d in NAMES if d != "float32" or not KERNELS[n].stored])
def test_a_correct_kernel_has_no_systematic_error(name: str, dtype: str) -> None:
    attend, arithmetic = kernel(KERNELS[name]), arithmetic_of(KERNELS[name], dtype)
    for seed, options in enumerate(OPTIONS):
        inputs = drawn(dtype, seed, sigma=(0.2, 1.0, 4.0)[seed % 3])
        found = residual(attend(*inputs, **options), inputs, arithmetic, **options)
        assert {what: outside(test(found)) for what, test in ALL.items() if outside(test(found)) > 1} == {}
        assert roughness(found).value <= 1


@pytest.mark.parametrize("dtype", NAMES)
def test_a_thousandth_of_the_scale_is_estimated(dtype: str) -> None:
    inputs = drawn(dtype, 1, heads=4, sq=128, sk=128, d=64)
    found = scale(residual(as_callable("scale-per-mille")(*inputs), inputs, arithmetic_for(None, dtype)))
    assert abs(found.value - 1e-3) < found.room < 1e-3 < found.value + found.room


@pytest.mark.parametrize("dtype", NAMES)
def test_a_gain_is_estimated_with_its_sign(dtype: str) -> None:
    inputs = drawn(dtype, 2, heads=4, sq=128, sk=128, d=64)
    low = round_to(0.997 * attention(*inputs).out, dtype).astype(DTYPES[dtype])
    found = gain(residual(low, inputs, arithmetic_for(None, dtype)))
    assert abs(found.value + 3e-3) < found.room < 3e-3


@pytest.mark.parametrize("dtype", NAMES)
def test_a_share_of_the_plain_mean_is_estimated(dtype: str) -> None:
    inputs = drawn(dtype, 3, heads=4, sq=128, sk=128, d=64)
    mixed = 0.99 * attention(*inputs).out + 0.01 * inputs[2].astype(np.float64).mean(2, keepdims=True)
    found = mixing(residual(round_to(mixed, dtype).astype(DTYPES[dtype]), inputs, arithmetic_for(None, dtype)))
    assert abs(found.value - 0.01) < found.room < 0.005


@pytest.mark.parametrize("dtype", NAMES)
def test_a_dropped_key_is_named(dtype: str) -> None:
    inputs = drawn(dtype, 4, sq=128, sk=256)
    found = key_weights(residual(as_callable("last-key-dropped")(*inputs), inputs, arithmetic_for(None, dtype)))
    worst = np.argmax(np.abs(found.value) / found.room, axis=-1)
    assert (worst == 255).all()
    assert (np.abs(found.value[..., 255] + 1) < 0.1).all()


@pytest.mark.parametrize("dtype", NAMES)
def test_a_row_of_v_read_from_another_place_is_named_with_its_error(dtype: str) -> None:
    inputs = drawn(dtype, 5, sq=128, sk=256)
    found = value_rows(residual(as_callable("value-row-duplicated")(*inputs), inputs, arithmetic_for(None, dtype)))
    key = np.unravel_index(np.argmax(np.abs(found.value) / found.room), found.value.shape)[2]
    v = inputs[2].astype(np.float64)
    assert key == 128
    assert np.abs(found.value[:, :, 128] - (v[:, :, 127] - v[:, :, 128])).max() < 0.1


@pytest.mark.parametrize("dtype", NAMES)
def test_weights_that_are_cut_shrink_the_output(dtype: str) -> None:
    inputs = drawn(dtype, 6, heads=4, sq=128, sk=128)
    found = gain(residual(as_callable("weights-truncated")(*inputs), inputs, arithmetic_for(None, dtype)))
    assert found.value < -found.room


@pytest.mark.parametrize("dtype", NAMES)
def test_an_accumulator_in_bfloat16_is_too_rough(dtype: str) -> None:
    inputs = drawn(dtype, 7, sq=128, sk=512)
    found = roughness(residual(as_callable("accumulator-in-bfloat16")(*inputs), inputs, arithmetic_for(None, dtype)))
    assert found.value - found.room > 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_an_exponential_that_is_off_as_far_as_declared_is_no_error(dtype: str) -> None:
    """An exp that is too large by its whole u_exp for small arguments, and too small for large ones."""
    arithmetic = arithmetic_for("half-fastexp", dtype)
    for seed in range(4):
        inputs = drawn(dtype, 20 + seed, heads=3, sq=128, sk=96, d=64)
        exact = attention(*inputs)
        distance = exact.scores - exact.scores.max(-1, keepdims=True)
        weights = np.exp(distance) * (1 + arithmetic.u_exp * np.where(distance > -2, 1, -1))
        out = weights / weights.sum(-1, keepdims=True) @ inputs[2].astype(np.float64)
        found = residual(round_to(out, dtype).astype(DTYPES[dtype]), inputs, arithmetic)
        assert max(outside(test(found)) for test in ALL.values()) < 1


@pytest.mark.parametrize("dtype", NAMES)
def test_the_predicted_scatter_is_at_least_the_real_one_and_not_far_above(dtype: str) -> None:
    """Over many problems the scale estimates scatter by less than is predicted, in half precision by at least a fifth of it."""
    attend, arithmetic = kernel(KERNELS["flash 16"]), arithmetic_of(KERNELS["flash 16"], dtype)
    found = []
    for seed in range(24):
        inputs = drawn(dtype, 100 + seed, heads=1, sq=32, sk=64, d=16)
        one = scale(residual(attend(*inputs), inputs, arithmetic))
        found.append(float(one.value / one.scatter))
    spread = float(np.sqrt(np.mean(np.square(found))))
    assert (0.0 if dtype == "float32" else 0.2) < spread < 1


def test_keys_that_no_query_sees_are_unknown() -> None:
    inputs = drawn("float32", 8, sq=16, sk=64)
    out = attention(*inputs, causal=True).out.astype(np.float32)
    found = residual(out, inputs, arithmetic_for(None, "float32"), causal=True)
    for each in (key_weights(found), value_rows(found)):
        assert np.isfinite(each.room[:, :, :16]).all()
        assert np.isinf(each.room[:, :, 16:]).all() and not each.value[:, :, 16:].any()


def test_rows_that_see_no_key_say_nothing_whatever_they_hold() -> None:
    inputs = drawn("float32", 9, sq=16, sk=64)
    mask = np.ones((16, 64), dtype=bool)
    mask[3] = False
    out = attention(*inputs, mask=mask).out.astype(np.float32)
    out[:, :, 3] = np.nan
    found = residual(out, inputs, arithmetic_for(None, "float32"), mask=mask)
    assert max(outside(test(found)) for test in ALL.values()) < 1
    assert roughness(found).value < 1


def test_equal_values_of_one_key_leave_no_direction() -> None:
    inputs = drawn("float32", 10, sq=8, sk=1)
    found = residual(attention(*inputs).out.astype(np.float32), inputs, arithmetic_for(None, "float32"))
    assert np.isinf(mixing(found).room) and np.isinf(scale(found).room)


def test_options_whose_roundings_are_not_carried_are_refused() -> None:
    inputs = drawn("float32", 11, sq=8, sk=8)
    for options in ({"softcap": 5.0}, {"sinks": np.zeros(2, np.float32)}, {"dropout_p": 0.5}):
        with pytest.raises(ValueError, match=next(iter(options))):
            noise_of(
                *inputs, attended=attention(*inputs), arithmetic=arithmetic_for(None, "float32"), dtype="float32", **options
            )


def test_quantiles_are_those_of_the_tables() -> None:
    assert student(23, 1e-3) == pytest.approx(3.7676, abs=1e-4)
    assert student(11, 0.05) == pytest.approx(2.2010, abs=1e-4)
    assert quantile(1, 2 * np.exp(-2.0)) == pytest.approx(2.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_truncated_output_is_biased_by_three_quarters_of_a_rounding(dtype: str) -> None:
    inputs = drawn(dtype, 12, heads=24, sq=32, sk=64)
    exact = attention(*inputs).out
    digits = {"float16": 11, "bfloat16": 8}[dtype]
    fraction, exponent = np.frexp(exact)
    cut = np.ldexp(np.trunc(np.ldexp(fraction, digits)), exponent - digits).astype(DTYPES[dtype])
    found = mean_gain(residual(cut, inputs, arithmetic_for(None, dtype)))
    assert found.value == pytest.approx(-0.72 * 2.0**-digits, rel=0.05)
    assert -found.value > 5 * found.room
    assert outside(mean_gain(residual(round_to(exact, dtype).astype(DTYPES[dtype]), inputs, arithmetic_for(None, dtype)))) < 1


def test_too_few_heads_say_nothing_about_a_mean() -> None:
    inputs = drawn("float32", 13, heads=11, sq=8, sk=8)
    found = residual(attention(*inputs).out.astype(np.float32), inputs, arithmetic_for(None, "float32"))
    assert np.isinf(mean_gain(found).room)


def test_rows_that_one_key_rules_say_nothing() -> None:
    """Their output is a value of that key, rounded back to it: the share of the others is lost every time, not at random."""
    q, k, v = drawn("bfloat16", 14, heads=1, sq=64, sk=4, d=40)
    bias = np.full((64, 4), -6.0)
    bias[np.arange(64), np.arange(64) % 4] = 6.0
    bias = bias.astype(DTYPES["bfloat16"])
    small = (0.2 * q.astype(np.float64)).astype(q.dtype)
    exact = attention(small, k, v, bias=bias)
    assert exact.weights.max(-1).min() > 0.9999
    out = round_to(exact.out, "bfloat16").astype(q.dtype)
    found = residual(out, (small, k, v), arithmetic_for(None, "bfloat16"), bias=bias)
    assert not found.noise.live.any() and np.isinf(key_weights(found).room).all()


def test_scores_that_are_lost_in_a_huge_bias_say_nothing() -> None:
    """A score beside −1e4 is stored as −1e4 in half precision: the row becomes uniform, within what was declared."""
    inputs = drawn("float16", 15, heads=1, sq=16, sk=64)
    hides_all = np.where(np.arange(16)[:, None] < 8, -1e4, 0.0) * np.ones(64)
    bias = hides_all.astype(np.float16)
    declared = arithmetic_for("half-naive", "float16")
    found = residual(attention(*inputs, bias=bias).out.astype(np.float16), inputs, declared, bias=bias)
    assert found.noise.live[0, 0, :, 0].tolist() == [False] * 8 + [True] * 8


def test_operands_times_a_constant_may_lean() -> None:
    """0.249 is just below a quarter, so all bfloat16 products with it are rounded down, and the scale is 0.35 % too small."""
    q, k, v = drawn("bfloat16", 16, heads=2, sq=128, sk=128, d=64)
    root = 0.062**0.5
    low_q, low_k = (round_to(root * x.astype(np.float64), "bfloat16") for x in (q, k))
    out = round_to(attention(low_q, low_k, v, scale=1.0).out, "bfloat16").astype(q.dtype)
    honest = scale(residual(out, (q, k, v), arithmetic_for({"name": "half", "n_pre": 2}, "bfloat16"), scale=0.062))
    assert outside(honest) < 1 < abs(float(honest.value)) / 0.003
    silent = scale(residual(out, (q, k, v), arithmetic_for("half", "bfloat16"), scale=0.062))
    assert outside(silent) > 1
