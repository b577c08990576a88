"""Correct kernels of many kinds, simulated rounding by rounding, never leave the bounds of the arithmetic they declare.

A kernel here computes in float32 and rounds where its declaration says. What it may see (masks) is taken from the reference:
these tests are about rounding alone. Acceptance is by interval: a result is right iff it lies between the rounded ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import Arithmetic, arithmetic_for
from attnspec.reference.bounds import Judgement, judge
from attnspec.reference.rounding import DTYPES, round_to, unit_in_last_place
from attnspec.reference.textbook import Attended, attention

NEVER = 1 << 30
F = np.float32
LOG2E = F(1.4426950408889634)
HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class Kernel:
    """How a simulated kernel computes. declared: the fields of its arithmetic beyond the usual model of its dtype."""

    tile: int = NEVER
    splits: int = 1
    divide_first: bool = False
    rounded_sum: bool = False
    base_two: bool = False
    prescaled: int = 0
    stored: bool = False
    backwards: bool = False
    declared: dict[str, Any] = field(default_factory=dict)


WHOLE = {"tile": NEVER, "splits": 1, "row_sum_from": "unrounded"}
KERNELS = {
    "naive": Kernel(divide_first=True, declared={**WHOLE, "weights_rounded": "after"}),
    "naive, undeclared": Kernel(divide_first=True),
    "scores stored low": Kernel(divide_first=True, prescaled=2, stored=True, declared={**WHOLE, "weights_rounded": "after"}),
    "scores stored low, scaled late": Kernel(divide_first=True, stored=True, declared=WHOLE),
    "flash 16": Kernel(16, declared={**WHOLE, "tile": 16, "weights_rounded": "before"}),
    "flash 64 backwards": Kernel(64, backwards=True, declared={**WHOLE, "tile": 64, "weights_rounded": "before"}),
    "flash 16, undeclared": Kernel(16),
    "flash base two": Kernel(16, base_two=True, declared={**WHOLE, "tile": 16, "weights_rounded": "before"}),
    "flash, rounded row sum": Kernel(16, rounded_sum=True, declared={"splits": 1, "row_sum_from": "rounded"}),
    "flash, prescaled": Kernel(32, prescaled=1, base_two=True, declared={**WHOLE, "tile": 32, "n_pre": 1}),
    "split 4": Kernel(16, splits=4, declared={"row_sum_from": "unrounded", "weights_rounded": "before"}),
    "split 4, base two, undeclared": Kernel(16, splits=4, base_two=True),
}


def arithmetic_of(kernel: Kernel, dtype: str) -> Arithmetic:
    """What the kernel declares in a dtype."""
    name = "fp32" if dtype == "float32" else "half-naive" if kernel.stored else "half"
    fields = {"n_pre": kernel.prescaled} if kernel.declared else {}
    return arithmetic_for({"name": name, **fields, **kernel.declared}, dtype)


def low(x: Any, dtype: str) -> Any:
    return round_to(x, dtype).astype(F)


def run(kernel: Kernel, q: Any, k: Any, v: Any, dtype: str, seen: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """(out, lse) as the kernel gives them, in dtype and in float32, both returned in float64."""
    group = q.shape[1] // k.shape[1]
    q, k, v = (x.astype(F) for x in (q, np.repeat(k, group, 1), np.repeat(v, group, 1)))
    scores = np.where(seen, _scores(kernel, q, k, dtype, options), F(-np.inf))
    sinks = options.get("sinks")
    sink = np.full((1, q.shape[1], 1, 1), -np.inf, F) if sinks is None else sinks.astype(F)[None, :, None, None]
    keep = options.get("dropout_keep")
    share = np.ones_like(scores) if keep is None else np.where(keep, F(1) / F(1 - options["dropout_p"]), F(0))
    count = scores.shape[-1]
    edges = np.linspace(0, count, kernel.splits + 1).astype(int)
    parts = []
    for n in range(kernel.splits):
        at = slice(edges[n], edges[n + 1])
        mine = sink if n == 0 else np.full_like(sink, -np.inf)
        parts.append(_part(kernel, scores[..., at], v[:, :, at], share[..., at], mine, dtype))
    out, lse = parts[0] if kernel.splits == 1 else _merged(parts)
    return round_to(out, dtype), lse[..., 0].astype(np.float64)


def _scores(kernel: Kernel, q: Any, k: Any, dtype: str, options: dict[str, Any]) -> Any:
    def store(x: Any) -> Any:
        return low(x, dtype) if kernel.stored else x.astype(F)

    scale = F(1 / np.sqrt(q.shape[-1]) if options.get("scale") is None else options["scale"])
    if kernel.prescaled == 1:
        scores = low(q * scale, dtype) @ k.swapaxes(-1, -2)
    elif kernel.prescaled == 2:
        root = np.sqrt(scale)
        scores = store(low(q * root, dtype) @ low(k * root, dtype).swapaxes(-1, -2))
    else:
        scores = store(store(q @ k.swapaxes(-1, -2)) * scale)
    cap = options.get("softcap")
    if cap is not None:
        scores = store(store(np.tanh(store(scores / F(cap)))) * F(cap))
    if options.get("bias") is not None:
        scores = store(scores + options["bias"].astype(F))
    if options.get("alibi_slopes") is not None:
        i, j = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
        scores = store(scores - store(options["alibi_slopes"].astype(F)[:, None, None] * np.abs(i - j).astype(F)))
    return scores


def _part(kernel: Kernel, scores: Any, v: Any, share: Any, sink: Any, dtype: str) -> tuple[Any, Any]:
    """(out, lse) of some keys, tile by tile with a running maximum; (B, H, R, Dv) and (B, H, R, 1), float32."""
    low_weights = dtype != "float32"
    factor = LOG2E if kernel.base_two else F(1)
    power = np.exp2 if kernel.base_two else np.exp
    top = np.broadcast_to(sink, (*scores.shape[:-1], 1)).astype(F)
    total = np.where(np.isneginf(top), F(0), F(1))
    gathered = np.zeros((*scores.shape[:-1], v.shape[-1]), F)
    starts = range(0, scores.shape[-1], kernel.tile)
    for start in reversed(starts) if kernel.backwards else starts:
        at = slice(start, start + kernel.tile)
        new = np.maximum(top, scores[..., at].max(-1, keepdims=True, initial=-np.inf))
        base = np.where(np.isneginf(new), F(0), new)
        weights = power(scores[..., at] * factor - base * factor)
        rescale = power(top * factor - base * factor)
        met = low(weights, dtype) if low_weights and not kernel.divide_first else weights
        total = total * rescale + (met if kernel.rounded_sum else weights).sum(-1, keepdims=True, dtype=F)
        gathered, top = gathered * rescale + (met * share[..., at]) @ v[:, :, at], new
    base = np.where(np.isneginf(top), F(0), top)
    safe = np.where(total == 0, F(1), total)
    lse = np.where(total == 0, F(-np.inf), base + np.log(safe))
    if kernel.divide_first:
        weights = power(scores * factor - base * factor) / safe * share
        return (low(weights, dtype) if low_weights else weights) @ v, lse
    return gathered / safe, lse


def _merged(parts: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    lses = np.stack([lse for _, lse in parts])
    top = lses.max(0)
    base = np.where(np.isneginf(top), F(0), top)
    odds = np.exp(lses - base)
    total = odds.sum(0, dtype=F)
    safe = np.where(total == 0, F(1), total)
    out = sum(odd * out for odd, (out, _) in zip(odds, parts, strict=True)) / safe
    return out, np.where(total == 0, F(-np.inf), base + np.log(safe))


def ratio(got: Any, exact: Any, bound: Any, dtype: str) -> tuple[bool, float]:
    """Whether got lies between the rounded ends of exact ± bound everywhere, and the largest distance by their reach."""
    finite = np.isfinite(exact)
    assert (got[~finite] == exact[~finite]).all()
    got, exact, bound = got[finite], exact[finite], bound[finite]
    inside = (round_to(exact - bound, dtype) <= got) & (got <= round_to(exact + bound, dtype))
    with np.errstate(all="ignore"):
        reach = bound + unit_in_last_place(np.abs(exact) + bound, dtype) / 2
        ratios = np.where(np.isinf(bound) | (got == exact), 0.0, np.abs(got - exact) / reach)
    return bool(inside.all()), float(ratios.max(initial=0.0))


def problems(dtype: str, seed: int) -> Iterator[tuple[str, tuple[Any, Any, Any], dict[str, Any]]]:
    """Named problems: data that stresses one thing each, and each option once."""
    r = np.random.default_rng(seed)
    b, hkv, group = 1, 1 + seed % 2, 1 + seed % 3 % 2
    sq, sk = [(7, 33), (17, 64), (33, 130), (1, 1), (3, 300)][seed % 5]
    d, dv = [8, 16, 20, 64][seed % 4], [8, 5][seed % 2]
    h = hkv * group

    def case(name: str, q: Any, k: Any, v: Any, **options: Any) -> Any:
        return name, tuple(x.astype(DTYPES[dtype]) for x in (q, k, v)), options

    def normal(sigma: float = 1.0) -> tuple[Any, Any, Any]:
        shapes = (b, h, sq, d), (b, hkv, sk, d), (b, hkv, sk, dv)
        q, k, v = (r.standard_normal(shape) for shape in shapes)
        return sigma * q, k, v

    for sigma in (0.1, 1.0, 4.0, 50.0):
        yield case(f"normal {sigma}", *normal(sigma))
    q, k, v = normal()
    yield case("constant", np.ones_like(q), np.full_like(k, 0.3), np.broadcast_to(v[:, :, :1], v.shape))
    yield case("zeros", q * 0, k * 0, v)
    yield case("positive", q, k, 1 + np.abs(v))
    yield case("integers", np.round(2 * q), np.round(2 * k), np.round(4 * v))
    levels = np.arange(sk)[:, None] / 3 / np.sqrt(d)
    yield case("rising", np.ones_like(q), 0.1 * k + levels, v)
    yield case("falling", np.ones_like(q), 0.1 * k - levels, v)
    dominating = k.copy()
    dominating[:, :, sk // 2] += 24 / np.sqrt(d) * np.sign(q[:, :hkv, 0])
    yield case("one dominating key", np.sign(q), dominating, 100 * v)
    yield case("ties", q, k[:, :, r.integers(0, min(4, sk), sk)], v)
    yield case("large values", q, k, v * 1e4 if dtype == "float16" else v * 1e30)
    yield case("tiny values", q, k, v * (2.0**-18 if dtype == "float16" else 2.0**-126))
    yield case("causal", *normal(2.0), causal=True)
    yield case("causal to the bottom right", *normal(), causal=True, causal_alignment="bottom-right")
    yield case("window", *normal(2.0), window=(5, 2))
    yield case("mask", *normal(), mask=r.random((b, h, sq, sk)) < 0.3)
    yield case("scale", *normal(), scale=1.3)
    yield case("bias", *normal(), bias=(3 * r.standard_normal((b, h, sq, sk))).astype(DTYPES[dtype]))
    yield case("bias that hides", *normal(), bias=np.where(r.random((sq, sk)) < 0.5, -3e4, 0.0).astype(DTYPES[dtype]))
    yield case("alibi", *normal(), alibi_slopes=(0.5 ** np.arange(1, h + 1)).astype(F))
    yield case("softcap", *normal(8.0), softcap=5.0)
    yield case("softcap and bias", *normal(8.0), softcap=20.0, bias=r.standard_normal((1, 1, 1, sk)).astype(DTYPES[dtype]))
    yield case("sinks", *normal(2.0), sinks=(3 * r.standard_normal(h)).astype(F), causal=True)
    yield case("dropout", *normal(), dropout_p=0.3, dropout_keep=r.random((b, h, sq, sk)) >= 0.3)
    yield case("all at once", *normal(4.0), causal=True, softcap=10.0, sinks=np.ones(h, F), alibi_slopes=np.full(h, 0.25, F))


def judged(kernel: Kernel, inputs: tuple[Any, Any, Any], dtype: str, options: dict[str, Any]) -> tuple[Judgement, Attended]:
    answer = judge(*inputs, arithmetic=arithmetic_of(kernel, dtype), dtype=dtype, **options)
    return answer, answer.attended


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", KERNELS)
def test_a_correct_kernel_stays_inside(name: str, dtype: str) -> None:
    kernel, worst = KERNELS[name], {"out": 0.0, "lse": 0.0}
    if kernel.stored and dtype == "float32":
        kernel = Kernel(divide_first=True, prescaled=kernel.prescaled)
    for seed in range(5):
        for about, inputs, options in problems(dtype, seed):
            answer, attended = judged(kernel, inputs, dtype, options)
            with np.errstate(all="ignore"):
                out, lse = run(kernel, *inputs, dtype, attended.visible, options)
            for what, got, exact, bound, kind in (
                ("out", out, answer.out, answer.out_bound, dtype),
                ("lse", lse, answer.lse, answer.lse_bound, "float32"),
            ):
                inside, reached = ratio(got, exact, bound, kind)
                assert inside, f"{what} of {name} leaves the bound on {about}, seed {seed}: {reached:.3f}"
                worst[what] = max(worst[what], reached)
    print(f"{name} {dtype}: out {worst['out']:.2f}, lse {worst['lse']:.2f}")
    assert worst["out"] > 0.02, "a bound this wide says nothing"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_kernel_of_another_arithmetic_leaves_the_bound(dtype: str) -> None:
    """The bounds are not just wide: a bfloat16 accumulator, or scores stored in half precision, are told from float32."""
    q, k, v = (np.random.default_rng(3).standard_normal((1, 2, n, 64)).astype(DTYPES[dtype]) for n in (16, 128, 128))
    answer = judge(4 * q, k, v, arithmetic=arithmetic_for(None, dtype), dtype=dtype)
    scores = low(answer.attended.scores, "bfloat16").astype(np.float64)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    out = round_to((weights / weights.sum(-1, keepdims=True)) @ v.astype(np.float64), dtype)
    lse = round_to(scores.max(-1) + np.log(weights.sum(-1)), "float32")
    inside_out, _ = ratio(out, answer.out, answer.out_bound, dtype)
    inside_lse, _ = ratio(lse, answer.lse, answer.lse_bound, "float32")
    assert not (inside_out and inside_lse)


def test_the_reference_by_itself_is_what_the_judgement_holds() -> None:
    _, inputs, options = next(problems("float32", 1))
    answer, attended = judged(KERNELS["naive"], inputs, "float32", options)
    again = attention(*inputs, **options)
    assert (answer.out == again.out).all() and (answer.lse == again.lse).all()
    assert answer.out is attended.out and answer.lse is attended.lse
