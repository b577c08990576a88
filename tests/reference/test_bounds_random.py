"""Level R and level P on simulated kernels that are biased on purpose, within what they declare.

The kernels err always in one direction, which is the worst that a hypothesis of random rounding can meet: level R must hold
all the same, because it rests on the signs of V alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.attention.bounds import FALSE_ALARM, Judgement, judge
from attnspec.reference.attention.bounds import random_signs as level_r
from attnspec.reference.rounding import DTYPES, round_to

BITS = {"float16": 11, "bfloat16": 8}
Weights = Callable[[Any, str], Any]


def cut(x: Any, bits: int) -> Any:
    """x with so many bits of its significand; the others are cut off."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.trunc(np.ldexp(mantissa, bits)), exponent - bits)


def cut_weights(weights: Any, dtype: str) -> Any:
    """Always too small, by up to the roundoff of the dtype: one bit more than the dtype has, cut off."""
    return cut(weights, BITS[dtype] + 1)


def raised_weights(weights: Any, dtype: str) -> Any:
    """Every other key too large, the others too small, all by the whole roundoff."""
    signs = np.where(np.arange(weights.shape[-1]) % 2 == 0, 1.0, -1.0)
    return weights * (1 + signs * 2.0 ** -BITS[dtype] * (1 - 1e-9))


def truncating(weights: Any, v: Any, bits: int) -> Any:
    """weights @ v, key after key in an accumulator of so many bits that cuts off what does not fit."""
    total = np.zeros((*weights.shape[:-1], v.shape[-1]))
    for j in range(weights.shape[-1]):
        total = cut(total + weights[..., j, None] * v[:, :, None, j], bits)
    return total


def normal(dtype: str, seed: int, keys: int, rows: int = 8, heads: int = 8, sigma: float = 1.0) -> tuple[Any, Any, Any]:
    r = np.random.default_rng([seed, keys])
    q, k, v = (r.standard_normal((1, heads, n, 16)) for n in (rows, keys, keys))
    return tuple(x.astype(DTYPES[dtype]) for x in (sigma * q, k, v))  # type: ignore[return-value]


def judged(inputs: tuple[Any, Any, Any], dtype: str, arithmetic: Arithmetic | None = None, **options: Any) -> Judgement:
    return judge(*inputs, arithmetic=arithmetic or arithmetic_for(None, dtype), dtype=dtype, random_signs=True, **options)


def reach(out: Any, answer: Judgement, bound: Any) -> float:
    """The largest error of an output that is not rounded to its dtype yet, as a share of the bound."""
    return float(np.max(np.abs(out - answer.out) / bound))


def made(answer: Judgement, v: Any, weights: Any, rounded_sum: bool) -> Any:
    """The output of a kernel that errs in its weights alone, (B, H, R, Dv), before it is rounded to its dtype."""
    exact = np.exp(answer.attended.scores - answer.attended.scores.max(-1, keepdims=True))
    total = (weights if rounded_sum else exact).sum(-1, keepdims=True)
    return weights @ v.astype(np.float64) / total


@pytest.mark.parametrize("rounded_sum", [False, True])
@pytest.mark.parametrize("spoil", [cut_weights, raised_weights])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_biased_weights_stay_inside(dtype: str, spoil: Weights, rounded_sum: bool) -> None:
    worst = {"R": 0.0, "P": 0.0}
    for seed in range(24):
        inputs = normal(dtype, seed, keys=(64, 130, 512)[seed % 3], sigma=(0.2, 1.0, 4.0)[seed % 4 % 3])
        answer = judged(inputs, dtype)
        scores = answer.attended.scores
        weights = spoil(np.exp(scores - scores.max(-1, keepdims=True)), dtype)
        out = made(answer, inputs[2], weights, rounded_sum)
        for level, bound in (("R", answer.out_bound), ("P", answer.probable)):
            worst[level] = max(worst[level], reach(out, answer, bound))
    print(f"{spoil.__name__} {dtype}, row sum rounded: {rounded_sum}: {worst}")
    assert worst["R"] < 1 and worst["P"] < 1
    assert worst["R"] > 0.1, "a bound this wide says nothing"


@pytest.mark.parametrize("bits", [24, 16])
def test_an_accumulator_that_truncates_stays_inside(bits: int) -> None:
    arithmetic = arithmetic_for({"name": "fp32", "u_acc": 2.0 ** (1 - bits), "n_pre": 0}, "float32")
    worst = 0.0
    for seed in range(6):
        inputs = normal("float32", seed, keys=(130, 512)[seed % 2])
        answer = judged(inputs, "float32", arithmetic)
        scores = answer.attended.scores
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        total = truncating(weights, np.ones_like(inputs[2][..., :1]), bits)
        out = cut(truncating(weights, inputs[2].astype(np.float64), bits) / total, bits)
        worst = max(worst, reach(out, answer, answer.out_bound))
    print(f"{bits} bits: {worst:.3f}")
    assert 0 < worst < 1


def test_a_sloppy_exp_stays_inside_even_where_few_keys_move_the_row_sum() -> None:
    """Errors of the row sum multiply the output itself: a bound that forgot them would be left."""
    arithmetic = arithmetic_for({"name": "fp32", "u_exp": 0.05, "tile": 1 << 30, "splits": 1}, "float32")
    worst = 0.0
    for seed in range(12):
        inputs = normal("float32", seed, keys=300, sigma=0.5)
        answer = judged(inputs, "float32", arithmetic)
        p = answer.attended.weights
        large = p >= np.sort(p, axis=-1)[..., -60:-59]
        off = p * np.where(large, 1.05, 1.0) if seed % 2 else p * np.where(large, 0.95, 1.0)
        out = off / off.sum(-1, keepdims=True) @ inputs[2].astype(np.float64)
        worst = max(worst, reach(out, answer, answer.out_bound))
    print(f"{worst:.3f}")
    assert 0.05 < worst < 1


def test_the_chance_is_kept_when_it_is_large_enough_to_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a chance of one half for all the events of a tensor, fewer than half of the tensors leave the bound."""
    monkeypatch.setattr(level_r, "FALSE_ALARM", 0.5)
    left = 0
    for seed in range(60):
        inputs = normal("bfloat16", seed, keys=130, rows=1, heads=1, sigma=0.2)
        answer = judged(inputs, "bfloat16")
        scores = answer.attended.scores
        weights = raised_weights(np.exp(scores - scores.max(-1, keepdims=True)), "bfloat16")
        total = np.exp(scores - scores.max(-1, keepdims=True)).sum(-1, keepdims=True)
        left += bool((np.abs(weights @ inputs[2].astype(np.float64) / total - answer.out) > answer.out_bound).any())
    assert left / 60 < 0.5


def structured(dtype: str, signs: Any, heads: int = 4) -> tuple[tuple[Any, Any, Any], Any]:
    """1,024 keys whose weight, next to one key of weight 1, is just below the middle between two numbers of the dtype.

    All of them are rounded down by nearly the whole roundoff. Returned with the weights before rounding, (B, H, 1, Sk).
    """
    weight = 0.5 * (1 + 0.97 * 2.0 ** -BITS[dtype])
    rest, parts = np.log(weight), []
    for _ in range(4):
        parts.append(float(round_to(np.float64(rest), dtype)))
        rest -= parts[-1]
    k = np.zeros((1, heads, 1025, 4))
    k[:, :, 1:] = parts
    r = np.random.default_rng(5)
    v = (1 + r.random((1, heads, 1025, 16))) * signs((1, heads, 1025, 16), r)
    inputs = tuple(x.astype(DTYPES[dtype]) for x in (np.ones((1, heads, 1, 4)), k, v))
    exact = np.exp((k.sum(-1))[:, :, None, :])
    return inputs, exact  # type: ignore[return-value]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_positive_values_leave_level_p_and_random_signs_do_not(dtype: str) -> None:
    """Why levels R and P are for random signs only: here every rounding goes the same way."""
    reached: dict[str, tuple[float, float]] = {}
    for name, signs in (
        ("positive", lambda shape, r: np.ones(shape)),
        ("random", lambda shape, r: r.choice([-1.0, 1.0], shape)),
    ):
        inputs, weights = structured(dtype, signs)
        arithmetic = arithmetic_for({"name": "half", "row_sum_from": "unrounded"}, dtype)
        answer = judged(inputs, dtype, arithmetic, scale=1.0)
        sure = judge(*inputs, arithmetic=arithmetic, dtype=dtype, scale=1.0)
        out = round_to(weights, dtype) @ inputs[2].astype(np.float64) / weights.sum(-1, keepdims=True)
        assert (np.abs(out - answer.out) <= sure.out_bound).all(), "level D holds on any data"
        reached[name] = tuple(  # type: ignore[assignment]
            reach(out, answer, bound) for bound in (answer.out_bound, answer.probable)
        )
    print(f"{dtype}: (R, P) {reached}")
    assert min(reached["positive"]) > 1.5
    assert max(reached["random"]) < 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_levels_are_ordered_and_gain_with_length(dtype: str) -> None:
    gains = []
    for keys in (64, 512, 4096):
        inputs = normal(dtype, 1, keys, rows=4, heads=2, sigma=0.2)
        arithmetic = arithmetic_for(None, dtype)
        sure = judge(*inputs, arithmetic=arithmetic, dtype=dtype)
        answer = judged(inputs, dtype)
        assert (answer.out_bound <= sure.out_bound).all() and (answer.probable <= answer.out_bound).all()
        gains.append(float(np.median(sure.out_bound / answer.out_bound)))
    print(f"{dtype}: D/R {gains}")
    assert gains[0] < gains[1] < gains[2]
    if dtype != "float32":
        assert gains[1] > 1.5 and gains[2] > 4


def test_short_rows_and_absent_signs_are_left_to_level_d() -> None:
    inputs = normal("bfloat16", 2, keys=33)
    sure = judge(*inputs, arithmetic=arithmetic_for(None, "bfloat16"), dtype="bfloat16")
    assert (judged(inputs, "bfloat16").out_bound == sure.out_bound).all()
    with pytest.raises(ValueError, match="random_signs=True"):
        _ = sure.probable


def test_where_the_arithmetic_promises_nothing_neither_does_a_coin() -> None:
    """n·u ≥ 1: an accumulator of 8 bits and 300 keys. The verdict of such a problem is inconclusive."""
    arithmetic = arithmetic_for({"name": "half", "u_acc": 2.0**-8}, "bfloat16")
    answer = judged(normal("bfloat16", 3, keys=300), "bfloat16", arithmetic)
    assert np.isinf(answer.out_bound).all() and np.isinf(answer.lse_bound).all()


@pytest.mark.parametrize(
    "options",
    [
        {"causal": True},
        {"window": (70, 3)},
        {"softcap": 5.0},
        {"sinks": np.ones(8, np.float32)},
        {"dropout_p": 0.25, "seed": 3},
        {"alibi_slopes": np.full(8, 0.01, np.float32)},
        {"rows": [0, 129]},
        {"kv_lengths": np.array([0])},
        {"kv_lengths": np.array([0]), "empty_rows": "mean"},
    ],
)
def test_options_keep_the_order(options: dict[str, Any]) -> None:
    inputs = normal("bfloat16", 4, keys=130, rows=130)
    sure = judge(*inputs, arithmetic=arithmetic_for(None, "bfloat16"), dtype="bfloat16", **options)
    answer = judged(inputs, "bfloat16", **options)
    assert answer.out_bound.shape == sure.out_bound.shape == answer.probable.shape
    assert not np.isnan(answer.out_bound).any() and (answer.out_bound <= sure.out_bound).all()
    assert not np.isnan(answer.probable).any()


def test_tiny_and_huge_values_do_not_underflow_the_squares() -> None:
    q, k, v = (x.astype(np.float64) for x in normal("float32", 6, keys=130))
    usual = judged((q, k, v), "float64")
    for factor in (2.0**-600, 2.0**400):
        answer = judged((q, k, v * factor), "float64")
        assert (answer.out_bound >= 0.99 * factor * np.minimum(usual.out_bound, 1e-15)).all()


def test_the_chance_is_the_stated_one() -> None:
    assert FALSE_ALARM == 1e-6
    assert 2 * np.exp(-(level_r.deviations(10) ** 2) / 2) * 10 == pytest.approx(FALSE_ALARM)
