"""Bounds for float8 inputs: simulated kernels stay inside, others leave them, and the exact answer is what mpmath says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from attnspec.reference.arithmetic import FLOAT8, NAMED, arithmetic_for
from attnspec.reference.attention.bounds import judge
from attnspec.reference.attention.bounds.flat import flat_bounds
from attnspec.reference.attention.kernels import FLOAT8_KERNELS, Kernel, arithmetic_of, returned_in, run
from attnspec.reference.attention.textbook import attention
from attnspec.reference.rounding import DTYPES, round_to, unit_in_last_place

pytestmark = pytest.mark.long

F = np.float32
Case = tuple[str, tuple[Any, Any, Any], dict[str, Any]]


def problems(dtype: str, seed: int) -> Iterator[Case]:
    """Named problems: data that stresses one thing each, with and without descales."""
    r = np.random.default_rng(seed)
    b, hkv, group = 2, 1 + seed % 2, 1 + seed % 3 % 2
    sq, sk = [(7, 33), (17, 64), (33, 130), (1, 1), (3, 300)][seed % 5]
    d, dv = [8, 16, 20, 64][seed % 4], [8, 5][seed % 2]
    h = hkv * group

    def case(name: str, q: Any, k: Any, v: Any, **options: Any) -> Case:
        return name, tuple(round_to(x, dtype).astype(DTYPES[dtype]) for x in (q, k, v)), options

    def descales(*names: str) -> dict[str, Any]:
        return {name: r.uniform(0.2, 4.0, (b, hkv)).astype(F) for name in names}

    def normal(sigma: float = 1.0) -> tuple[Any, Any, Any]:
        return (
            sigma * r.standard_normal((b, h, sq, d)),
            r.standard_normal((b, hkv, sk, d)),
            r.standard_normal((b, hkv, sk, dv)),
        )

    for sigma in (0.1, 1.0, 4.0, 20.0):
        yield case(f"normal {sigma}", *normal(sigma))
        yield case(f"normal {sigma}, descaled", *normal(sigma), **descales("q_descale", "k_descale", "v_descale"))
    q, k, v = normal()
    yield case("zeros", q * 0, k * 0, v)
    yield case("positive", q, k, 1 + np.abs(v))
    yield case("positive and descaled", q, k, 1 + np.abs(v), **descales("v_descale"))
    levels = np.arange(sk)[:, None] / 3 / np.sqrt(d)
    yield case("rising", np.ones_like(q), 0.1 * k + np.minimum(levels, 20), v)
    small = np.where(np.arange(sk)[:, None] == sk // 2, 0.0, -1.0) * np.ones(d)
    yield case(
        "one key above many small ones", np.ones_like(q), np.broadcast_to(small, k.shape) * 7 / np.sqrt(d), 1 + np.abs(v)
    )
    yield case("large values", q, k, v * 64)
    yield case("tiny values", q, k, v * 2.0**-6)
    yield case("causal", *normal(2.0), causal=True)
    yield case("softcap", *normal(4.0), softcap=5.0, **descales("q_descale"))
    yield case("sinks", *normal(2.0), sinks=(3 * r.standard_normal(h)).astype(F), causal=True, **descales("k_descale"))
    bias = round_to(3 * r.standard_normal((b, h, sq, sk)), "bfloat16").astype(DTYPES["bfloat16"])
    yield case("bias", *normal(), bias=bias, **descales("k_descale", "v_descale"))


def ratio(got: Any, exact: Any, bound: Any, dtype: str) -> float:
    """The largest distance by its reach; infinite where got lies outside the rounded ends of exact ± bound."""
    finite = np.isfinite(exact)
    assert (got[~finite] == exact[~finite]).all()
    got, exact, bound = got[finite], exact[finite], bound[finite]
    inside = (round_to(exact - bound, dtype) <= got) & (got <= round_to(exact + bound, dtype))
    if not inside.all():
        return float("inf")
    reach = bound + unit_in_last_place(np.abs(exact) + bound, dtype) / 2
    with np.errstate(all="ignore"):
        return float(np.where(np.isinf(bound) | (got == exact), 0.0, np.abs(got - exact) / reach).max(initial=0.0))


def answered(kernel: Kernel, inputs: Any, dtype: str, options: dict[str, Any]) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        return run(kernel, *inputs, dtype, attention(*inputs, **options).visible, options)


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("name", FLOAT8_KERNELS)
def test_a_correct_kernel_stays_inside(name: str, dtype: str) -> None:
    kernel, worst = FLOAT8_KERNELS[name], {"out": 0.0, "lse": 0.0}
    for seed in range(3):
        for about, inputs, options in problems(dtype, seed):
            answer = judge(*inputs, arithmetic=arithmetic_of(kernel, dtype), dtype=dtype, **options)
            out, lse = answered(kernel, inputs, dtype, options)
            reached = {
                "out": ratio(out, answer.out, answer.out_bound, returned_in(kernel, dtype)),
                "lse": ratio(lse, answer.lse, answer.lse_bound, "float32"),
            }
            for what, share in reached.items():
                assert share <= 1, f"{what} of {name} leaves the bound on {about}, seed {seed}"
                worst[what] = max(worst[what], share)
    print(f"{name} {dtype}: out {worst['out']:.2f}, lse {worst['lse']:.2f}")
    assert worst["out"] > 0.02, "a bound this wide says nothing"


@pytest.mark.parametrize("dtype", FLOAT8)
def test_random_signs_are_held_too(dtype: str) -> None:
    kernel = FLOAT8_KERNELS["float8 matrix unit"]
    model, r = arithmetic_of(kernel, dtype), np.random.default_rng(8)
    q, k, v = (round_to(r.standard_normal((1, 2, n, 32)), dtype).astype(DTYPES[dtype]) for n in (16, 512, 512))
    options = {"v_descale": r.uniform(0.5, 2.0, (1, 2)).astype(F)}
    by_chance = judge(q, k, v, arithmetic=model, dtype=dtype, random_signs=True, **options)
    surely = judge(q, k, v, arithmetic=model, dtype=dtype, **options)
    out, _ = answered(kernel, (q, k, v), dtype, options)
    assert (by_chance.out_bound <= surely.out_bound).all() and by_chance.out_bound.mean() < 0.8 * surely.out_bound.mean()
    assert ratio(out, by_chance.out, by_chance.out_bound, "bfloat16") <= 1
    assert (by_chance.probable <= by_chance.out_bound).all()


def test_weights_that_are_not_scaled_leave_the_bound_of_scaled_ones() -> None:
    """One key above 299 whose weights are below 2^-10: without a scale all of these are lost, and the bound knows it."""
    dtype, kernel = "float8_e4m3fn", FLOAT8_KERNELS["float8, weights unscaled"]
    q, k, v = np.ones((1, 1, 1, 4)), np.full((1, 1, 300, 4), -1.875), np.ones((1, 1, 300, 4))
    k[:, :, 0] = 0.0
    inputs = tuple(x.astype(DTYPES[dtype]) for x in (q, k, v))
    options = {"scale": 1.0}
    out, _ = answered(kernel, inputs, dtype, options)
    declared = arithmetic_of(kernel, dtype)
    for weights_scale, holds in ((1.0, True), (2.0**8, False)):
        answer = judge(*inputs, arithmetic=replace(declared, weights_scale=weights_scale), dtype=dtype, **options)
        assert (ratio(out, answer.out, answer.out_bound, "float32") <= 1) == holds


@pytest.mark.parametrize("dtype", FLOAT8)
def test_an_accumulator_of_fewer_bits_leaves_the_bound(dtype: str) -> None:
    kernel = replace(FLOAT8_KERNELS["float8 matrix unit"], kept=4)
    r = np.random.default_rng(2)
    q, k = (round_to(r.standard_normal((1, 1, n, 64)), dtype).astype(DTYPES[dtype]) for n in (8, 128))
    inputs = (q, k, round_to(1 + r.random((1, 1, 128, 8)), dtype).astype(DTYPES[dtype]))
    answer = judge(*inputs, arithmetic=arithmetic_of(kernel, dtype), dtype=dtype)
    out, lse = answered(kernel, inputs, dtype, {})
    reached = ratio(out, answer.out, answer.out_bound, "bfloat16"), ratio(lse, answer.lse, answer.lse_bound, "float32")
    assert max(reached) > 1


@pytest.mark.parametrize("dtype", FLOAT8)
def test_the_reference_of_descaled_inputs_is_exact(dtype: str) -> None:
    """The output of a small problem, computed in 50 digits from the definition, lies within a share of the bound too thin to
    matter: products with descales are exact in float64."""
    with mpmath.workdps(50):
        r = np.random.default_rng(6)
        q, k, v = (round_to(2 * r.standard_normal((1, 1, n, 3)), dtype).astype(DTYPES[dtype]) for n in (2, 5, 5))
        options = {name: r.uniform(0.2, 4.0, (1, 1)).astype(F) for name in ("q_descale", "k_descale", "v_descale")}
        a, b, c = (mpmath.mpf(float(options[name][0, 0])) for name in ("q_descale", "k_descale", "v_descale"))
        answer = judge(q, k, v, arithmetic=replace(NAMED["fp32"], n_pre=0), dtype=dtype, **options)
        for i in range(2):
            query, keys = [mpmath.mpf(float(x)) for x in q[0, 0, i]], k[0, 0].astype(np.float64)
            scores = [a * b * mpmath.fsum(x * mpmath.mpf(y) for x, y in zip(query, key, strict=True)) for key in keys.tolist()]
            odds = [mpmath.exp(s / mpmath.sqrt(3)) for s in scores]
            total = mpmath.fsum(odds)
            for e in range(3):
                due = c * mpmath.fsum(odd * mpmath.mpf(float(x)) for odd, x in zip(odds, v[0, 0, :, e], strict=True)) / total
                assert abs(due - mpmath.mpf(float(answer.out[0, 0, i, e]))) <= answer.out_bound[0, 0, i, e] * 2.0**-20
            assert abs(mpmath.log(total) - mpmath.mpf(float(answer.lse[0, 0, i]))) <= answer.lse_bound[0, 0, i] * 2.0**-20


def test_flat_rows_stay_exact_under_scales_that_are_powers_of_two() -> None:
    dtype, model = "float8_e4m3fn", replace(arithmetic_for("fp8", "float8_e4m3fn"), splits=1)
    q, k = np.zeros((1, 1, 2, 4)), np.zeros((1, 1, 16, 4))
    v = np.random.default_rng(1).integers(-1, 2, (1, 1, 16, 4))
    inputs = tuple(x.astype(DTYPES[dtype]) for x in (q, k, v))
    for factor, exact in ((0.25, True), (0.3, False)):
        options = {"v_descale": np.full((1, 1), factor, F)}
        out, _ = flat_bounds(*inputs, attended=attention(*inputs, **options), arithmetic=model, dtype=dtype, **options)
        assert (np.isfinite(out).all()) == exact
        assert not exact or out.max() < 1e-30
    # After normalisation a weight of 1/1024 is half of the smallest number of e4m3, unless it is scaled.
    long = tuple(np.repeat(x, 64, axis=2) if x.shape[2] == 16 else x for x in inputs)
    for scale, exact in ((2.0**8, True), (1.0, False)):
        after = replace(model, weights_rounded="after", weights_scale=scale)
        out, _ = flat_bounds(*long, attended=attention(*long), arithmetic=after, dtype=dtype)
        assert np.isfinite(out).all() == exact


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "fp8", "weights_scale": 3.0}, "weights_scale is 3.0; it must be a power of two"),
        ({"name": "fp8", "weights_scale": 0.0}, "must be a power of two"),
        ({"name": "fp8", "weights_scale": 512.0}, "float8_e4m3fn ends at 448, so a weight of 1 would overflow"),
    ],
)
def test_a_scale_of_weights_that_cannot_be_is_refused(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        arithmetic_for(declared, "float8_e4m3fn")


@pytest.mark.parametrize("dtype", FLOAT8)
def test_fp8_is_what_an_undeclared_float8_kernel_is_taken_for(dtype: str) -> None:
    model = arithmetic_for(None, dtype)
    assert (model.name, model.stored_weights, model.weights_scale, model.u_acc) == ("fp8", dtype, 256.0, 2.0**-13)
