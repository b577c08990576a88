"""Every shipped softmax attention, over the options that it claims, against the definition in conftest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.finding import find
from attnspec.conformance.problems.problem import MEMORIES, Problem

pytestmark = pytest.mark.long

NAMES = ["numpy/naive", "numpy/flash", "torch/sdpa-math", "torch/sdpa-flash", "torch/flex-attention", "torch/multihead"]
DTYPES = ["float32", "float16", "bfloat16"]
ROUNDOFF = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}

ROUNDINGS = 40
"""Roundings, each relative to the largest value or score, that one answer may carry here: scores stay below about 10 and
features below 25, so a dot product, a stored score and a rounded weight stay below this. Wrong answers are off by thousands."""


def flips_the_causal_mask(p: Problem) -> bool:
    scale = p.options.get("scale")
    return bool(p.options.get("causal")) and scale is not None and scale <= 0


def close(have: Any, want: Any, roundoff: float, size: float) -> None:
    np.testing.assert_array_equal(np.isnan(have), np.isnan(want))
    np.testing.assert_array_equal(np.isneginf(have), np.isneginf(want))
    finite = np.isfinite(want)
    assert np.all(np.abs(have.astype(float)[finite] - want[finite]) <= ROUNDINGS * roundoff * size)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_drawn_problems_agree_with_the_definition(name: str, dtype: str, define: Any, draw: Any, call: Any) -> None:
    made = find(name)[0]
    ran, seen = 0, set()
    for seed in range(60):
        p = draw(made, dtype, seed)
        if made.supports is not None and made.supports(p) is not None:
            continue
        if name == "torch/sdpa-flash" and flips_the_causal_mask(p):
            continue  # test_torch.py holds what PyTorch does there.
        have, (out, lse, weights) = call(made, p), define(p)
        ran += 1
        seen |= set(p.options)
        u, size = ROUNDOFF[dtype], 1 + float(np.abs(p.v.astype(float)).max(initial=0))
        assert have["out"].dtype == p.q.dtype and have["out"].shape == out.shape
        close(have["out"], out, u, size)
        if "lse" in have:
            assert have["lse"].dtype == np.float32
            if name == "torch/sdpa-flash":  # Its operator gives 0 for a row that sees no key; a law finds it.
                lse = np.where(np.isneginf(lse), 0.0, lse)
            close(have["lse"], lse, max(2.0**-24, 2.0**-18 if dtype != "float32" else 0), 10)
        if "weights" in have:
            close(have["weights"], weights, u, 1)
    assert ran >= 10
    assert seen >= made.options - {"dropout_p", "seed"}


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_change_the_answer(name: str, memory: str, define: Any, call: Any) -> None:
    made = find(name)[0]
    rng = np.random.default_rng(5)
    q, k, v = (np.repeat(rng.standard_normal((1, 2, n, 8)).astype(np.float32), 2, axis=0) for n in (5, 7, 7))
    p = Problem({"q": q, "k": k, "v": v}, "float32", {}, dict(made.conventions), memory=memory, operation="attention")
    close(call(made, p)["out"], define(p)[0], 2.0**-24, 1 + float(np.abs(v).max()))


@pytest.mark.parametrize("name", NAMES)
def test_no_query_or_no_key(name: str, define: Any, call: Any) -> None:
    made = find(name)[0]
    ran = 0
    for sq, sk in ((0, 5), (4, 0), (0, 0)):
        zeros = [np.ones((2, 2, n, 4), np.float32) for n in (sq, sk, sk)]
        p = Problem(dict(zip("qkv", zeros, strict=True)), "float32", {}, dict(made.conventions), operation="attention")
        if made.supports is None or made.supports(p) is None:
            close(call(made, p)["out"], define(p)[0], 2.0**-24, 1)
            ran += 1
    assert ran


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("numpy")])
def test_no_key_gives_an_lse_of_minus_infinity(name: str, call: Any) -> None:
    made = find(name)[0]
    p = Problem(
        {name: np.ones((1, 2, n, 4), np.float32) for name, n in (("q", 3), ("k", 0), ("v", 0))},
        "float32",
        {"return_lse": True},
        operation="attention",
    )
    have = call(made, p)
    assert np.all(have["lse"] == -np.inf) and np.all(have["out"] == 0)


@pytest.mark.parametrize("where", ["key", "value"])
@pytest.mark.parametrize("name", NAMES)
def test_nan_in_a_hidden_key_is_contained_or_not_as_declared(name: str, where: str, call: Any) -> None:
    made = find(name)[0]
    rng = np.random.default_rng(6)
    q, k, v = (rng.standard_normal((1, 2, 40, 8)).astype(np.float32) for _ in range(3))
    mask = np.ones((1, 1, 40, 40), bool)
    mask[..., 30] = False
    clean = call(made, Problem({"q": q, "k": k, "v": v}, "float32", {"mask": mask}, operation="attention"))["out"]
    (k if where == "key" else v)[:, :, 30] = np.nan
    dirty = call(made, Problem({"q": q, "k": k, "v": v}, "float32", {"mask": mask}, operation="attention"))["out"]
    if made.conventions["hidden_nan"] == "contained":
        np.testing.assert_array_equal(clean, dirty)
    elif where == "value":
        assert np.isnan(dirty).any()


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("numpy")])
def test_nan_that_is_seen_is_shown(name: str, call: Any) -> None:
    made = find(name)[0]
    q, k, v = (np.ones((1, 1, 20, 4), np.float32) for _ in range(3))
    v[0, 0, 19, 2] = np.nan
    mask = np.ones((20, 20), bool)
    mask[:7, 19] = False
    out = call(made, Problem({"q": q, "k": k, "v": v}, "float32", {"mask": mask}, operation="attention"))["out"]
    assert np.isnan(out[0, 0, 7:, 2]).all() and not np.isnan(out[0, 0, :7]).any() and not np.isnan(out[..., [0, 1, 3]]).any()


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("torch/sdpa-flash", "torch/flex-attention")])
def test_dropout_drops_and_rescales_by_its_seed(name: str, call: Any) -> None:
    """V is the identity, so that the output shows the weights that met it."""
    made = find(name)[0]
    rng = np.random.default_rng(7)
    q, k = (rng.standard_normal((1, 2, 24, 24)).astype(np.float32) for _ in range(2))
    v = np.broadcast_to(np.eye(24, dtype=np.float32), (1, 2, 24, 24)).copy()
    p = Problem({"q": q, "k": k, "v": v}, "float32", {}, operation="attention")
    whole, some = call(made, p)["out"], call(made, p.but(dropout_p=0.25, seed=3))["out"]
    kept = some != 0
    assert 0.68 < kept.mean() < 0.82  # 1,152 coins of 3/4: five standard deviations are 0.064.
    np.testing.assert_allclose(some[kept], (whole / 0.75)[kept], rtol=2.0**-20)
    np.testing.assert_array_equal(some, call(made, p.but(dropout_p=0.25, seed=3))["out"])
    assert (some != call(made, p.but(dropout_p=0.25, seed=4))["out"]).any()
    if "return_weights" in made.options:
        np.testing.assert_array_equal(some, call(made, p.but(dropout_p=0.25, seed=3, return_weights=True))["weights"])


@pytest.mark.parametrize("name", NAMES)
def test_conventions_and_claims_are_declared(name: str) -> None:
    made = find(name)[0]
    assert set(made.conventions) == {"causal_alignment", "empty_rows", "hidden_nan"}
    assert "deterministic" in made.claims
    assert bool(made.notes) == (name in ("torch/sdpa-flash", "torch/multihead"))
