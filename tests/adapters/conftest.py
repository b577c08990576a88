"""A definition of attention in float64, written as its sentences say, and the way in which a test calls an implementation.

It is not the reference: an adapter and the reference may not be wrong together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from attnspec.adapters.arrays import arrays_for, layout_back
from attnspec.adapters.contract import Implementation
from attnspec.conformance.problems.problem import Problem

DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
DRAWN = ("scale", "causal", "window", "mask", "bias", "alibi_slopes", "softcap", "sinks", "q_segments", "kv_lengths")
"""Options that a drawn problem may have; q_segments brings kv_segments."""


def defined(p: Problem) -> tuple[Any, Any, Any]:
    """out (B, Hq, Sq, Dv), lse (B, Hq, Sq) and weights (B, Hq, Sq, Sk) of a problem, row by row, in float64."""
    o = p.options
    out = np.zeros((p.b, p.hq, p.sq, p.dv))
    lse = np.full((p.b, p.hq, p.sq), -math.inf)
    weights = np.zeros((p.b, p.hq, p.sq, p.sk))
    for b, h, i in np.ndindex(p.b, p.hq, p.sq):
        kv = h // (p.hq // p.hkv)
        query = p.q[b, h, i].astype(float)
        scores = {j: score(p, b, h, i, j, query @ p.k[b, kv, j].astype(float)) for j in range(p.sk) if sees(p, b, h, i, j)}
        sink = [float(o["sinks"][h])] if o.get("sinks") is not None else []
        if not scores and not sink:
            mean = p.v[b, kv].astype(float).mean(axis=0) if p.sk else math.nan
            out[b, h, i] = {"zeros": 0.0, "nan": math.nan, "mean": mean}[p.conventions["empty_rows"]]
            weights[b, h, i] = out[b, h, i, 0] if p.dv else 0.0
            continue
        top = max([*scores.values(), *sink])
        lse[b, h, i] = top + math.log(sum(math.exp(s - top) for s in [*scores.values(), *sink]))
        for j, s in scores.items():
            weights[b, h, i, j] = math.exp(s - lse[b, h, i])
            out[b, h, i] += weights[b, h, i, j] * p.v[b, kv, j].astype(float)
    return out, lse, weights


def offset(p: Problem, b: int) -> int:
    if p.conventions["causal_alignment"] == "top-left":
        return 0
    length = p.sk if p.options.get("kv_lengths") is None else int(p.options["kv_lengths"][b])
    return length - p.sq


def sees(p: Problem, b: int, h: int, i: int, j: int) -> bool:
    o, at = p.options, i + offset(p, b)
    left, right = o.get("window") or (None, None)
    return (
        not (o.get("causal") and j > at)
        and not (left is not None and j < at - left)
        and not (right is not None and j > at + right)
        and not (o.get("mask") is not None and not np.broadcast_to(o["mask"], (p.b, p.hq, p.sq, p.sk))[b, h, i, j])
        and not (o.get("q_segments") is not None and o["q_segments"][b, i] != o["kv_segments"][b, j])
        and not (o.get("kv_lengths") is not None and j >= o["kv_lengths"][b])
    )


def score(p: Problem, b: int, h: int, i: int, j: int, product: float) -> float:
    o = p.options
    s = product * (1 / math.sqrt(p.d) if o.get("scale") is None else o["scale"])
    if o.get("softcap") is not None:
        s = o["softcap"] * math.tanh(s / o["softcap"])
    if o.get("bias") is not None:
        s += float(np.broadcast_to(o["bias"], (p.b, p.hq, p.sq, p.sk))[b, h, i, j])
    if o.get("alibi_slopes") is not None:
        s -= float(o["alibi_slopes"][h]) * abs(i + offset(p, b) - j)
    return float(s)


def drawn(made: Implementation, dtype: str, seed: int) -> Problem:
    """A small problem with a random choice of the options that an implementation claims."""
    rng = np.random.default_rng([seed, list(DTYPES).index(dtype)])
    b, hkv, group = int(rng.integers(1, 3)), int(rng.integers(1, 3)), int(rng.choice([1, 1, 3]))
    sq, sk, d = int(rng.choice([1, 2, 5, 17, 33])), int(rng.choice([1, 3, 16, 17, 35])), int(rng.choice([1, 4, 8, 24]))
    dv = int(rng.choice([d, d, 5]))
    hq, cast = hkv * group, DTYPES[dtype]

    def normal(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(cast)

    def some(*shape: int) -> tuple[int, ...]:
        return tuple(n if rng.random() < 0.7 else 1 for n in shape)

    values: dict[str, Callable[[], Any]] = {
        "scale": lambda: float(rng.choice([0.3, -0.7, 0.0])),
        "causal": lambda: True,
        "window": lambda: (rng.choice([None, 0, 3]), rng.choice([None, 0, 2])),
        "mask": lambda: rng.random(some(b, hq, sq, sk)) < 0.6,
        "bias": lambda: normal(*some(b, hq, sq, sk)),
        "alibi_slopes": lambda: (0.5 ** np.arange(1, hq + 1)).astype(np.float32),
        "softcap": lambda: 2.0,
        "sinks": lambda: rng.standard_normal(hq).astype(np.float32),
        "q_segments": lambda: rng.integers(0, 3, (b, sq)).astype(np.int32),
        "kv_lengths": lambda: rng.integers(0, sk + 1, b).astype(np.int32),
    }
    options = {name: values[name]() for name in DRAWN if name in made.options and rng.random() < 0.35}
    if "q_segments" in options:
        options["kv_segments"] = rng.integers(0, 3, (b, sk)).astype(np.int32)
    for extra in ("return_lse", "return_weights"):
        if extra in made.options and rng.random() < 0.6:
            options[extra] = True
    return Problem(
        {"q": normal(b, hq, sq, d), "k": normal(b, hkv, sk, d), "v": normal(b, hkv, sk, dv)},
        dtype,
        options,
        dict(made.conventions),
        operation="attention",
    )


def called(made: Implementation, p: Problem) -> dict[str, Any]:
    """What an implementation gives for a problem, as NumPy arrays: out, and lse and weights where asked for."""
    arrays = arrays_for(made.arrays)
    q, k, v = (arrays.to_framework(x, memory=p.memory, layout=made.layout, device=made.device) for x in (p.q, p.k, p.v))
    options = {n: arrays.to_framework(x) if isinstance(x, np.ndarray) else x for n, x in p.options.items()}
    result = made.function(q, k, v, **options)
    names = ["out", *(n for n in ("lse", "weights") if p.options.get(f"return_{n}"))]
    results = result if len(names) > 1 else (result,)
    assert len(results) == len(names)
    given = {n: arrays.from_framework(x, n) for n, x in zip(names, results, strict=True)}
    return {**given, "out": layout_back(given["out"], made.layout)}


@pytest.fixture
def define() -> Callable[[Problem], tuple[Any, Any, Any]]:
    return defined


@pytest.fixture
def draw() -> Callable[[Implementation, str, int], Problem]:
    return drawn


@pytest.fixture
def call() -> Callable[[Implementation, Problem], dict[str, Any]]:
    return called
