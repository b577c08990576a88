"""Every shipped implementation of random features against a sum over all keys and features written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.arrays import arrays_for
from attnspec.adapters.finding import find
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure

NAMES = ("numpy/random-features", "torch/random-features", "jax/random-features")
ROUNDOFF = {"float32": 2.0**-24, "bfloat16": 2.0**-8}

ROUNDINGS = 60
"""Roundings of the largest value that one answer may carry here."""

CASES = ("projection=normal:9", "causal=1&projection=normal:9", "causal=1&projection=orthogonal:70&scale=0.125")


def problem(case: str, dtype: str = "float32") -> Problem:
    sizes = f"dtype={dtype}&b=2&hq=2&hkv=2&sq=21&sk=21&d=4&dv=3"
    return build(Structure.parse("&".join(filter(None, (sizes, case, "values=normal&seed=3"))), "random_feature_attention"))


def defined(p: Problem) -> Any:
    """The output (B, H, Sq, Dv), pair by pair, in float64."""
    w, root = p.options["projection"].astype(float), p.options.get("scale", p.d**-0.5) ** 0.5
    q, k = (root * x.astype(float) for x in (p.q, p.k))
    sums = (q[:, :, :, None] + k[:, :, None]) @ w.T
    half = (q**2).sum(-1)[:, :, :, None] / 2 + (k**2).sum(-1)[:, :, None] / 2
    weights = np.exp(sums - half[..., None]).sum(-1)
    weights = np.tril(weights) if p.options.get("causal") else weights
    return weights @ p.v.astype(float) / weights.sum(-1, keepdims=True)


def call(name: str, p: Problem, **options: Any) -> Any:
    made = find(name)[0]
    arrays = arrays_for(made.arrays)
    given = {key: arrays.to_framework(x) if isinstance(x, np.ndarray) else x for key, x in (p.options | options).items()}
    return arrays.from_framework(made.function(*(arrays.to_framework(x) for x in (p.q, p.k, p.v)), **given))


@pytest.mark.parametrize("dtype", ROUNDOFF)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_each_agrees_with_the_sum(name: str, case: str, dtype: str) -> None:
    p = problem(case, dtype)
    came, due = call(name, p), defined(p)
    assert came.dtype == p.q.dtype and came.shape == due.shape
    assert np.abs(came.astype(float) - due).max() <= ROUNDINGS * ROUNDOFF[dtype] * np.abs(p.v.astype(float)).max()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_what_is_drawn(name: str) -> None:
    p = problem("")
    first, again, other = (call(name, p, num_features=9, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first, call(name, p, num_features=9, seed=1, orthogonal=True))
    assert np.array_equal(call(name, p, seed=1), call(name, p, num_features=4, seed=1)), "D features by default"


@pytest.mark.parametrize("name", NAMES)
def test_drawn_rows_are_orthogonal_where_that_is_asked(name: str) -> None:
    from importlib import import_module

    draw = import_module(find(name)[0].function.__module__).draw
    rows = np.asarray(draw(1278, 4, 5, True), dtype=np.float64)
    assert rows.shape == (1278, 4)
    w = rows[-10:]  # the last block is cut to fit
    gram, blocks = w @ w.T, np.arange(1268, 1278)[:, None] // 4 == np.arange(1268, 1278) // 4
    assert np.abs(gram - np.diag(np.diag(gram)))[blocks].max() < 2.0**-18 and np.abs(gram[~blocks]).max() > 0.1
    lengths = np.linalg.norm(rows, axis=1)
    assert abs((lengths**2).mean() - 4) < 0.4 and abs((lengths**2).var() - 8) < 2.5


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused_with_words(name: str) -> None:
    p = problem("projection=normal:9")
    wrong = p.options["projection"][:, :3]
    for options, message in (
        ({"projection": wrong}, "projection has shape"),
        ({"num_features": 3}, "exclude each other"),
        ({"scale": -1.0}, "must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            call(name, p, **options)
    with pytest.raises(ValueError, match="num_features is 0"):
        call(name, p.but(projection=None), num_features=0)
    uneven = problem("projection=normal:9").q[:, :, :3]
    arrays = arrays_for(find(name)[0].arrays)
    with pytest.raises(ValueError, match="as many queries as keys"):
        find(name)[0].function(*(arrays.to_framework(x) for x in (uneven, p.k, p.v)), causal=True)
