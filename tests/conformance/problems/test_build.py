"""Printing, reading and building a case gives the same problem, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.dtypes import bias_dtype
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.sizes import pool_for
from attnspec.conformance.problems.strategies import structures
from attnspec.conformance.problems.structure import Structure

pytestmark = pytest.mark.long

OPERATION = yaml.safe_load(files("attnspec.spec").joinpath("attention", "operation.yaml").read_text(encoding="utf-8"))
POOL = pool_for("quick", compiled=False, seed=1)


EXAMPLES = 120


def bits(problem: Problem) -> dict[str, Any]:
    """Everything in a problem, arrays as shape, dtype and bytes."""
    parts: Mapping[str, Any] = {"q": problem.q, "k": problem.k, "v": problem.v, **problem.options}
    return {n: (x.shape, x.dtype.name, x.tobytes()) if isinstance(x, np.ndarray) else x for n, x in parts.items()} | {
        "rest": (problem.dtype, problem.memory, problem.geometry_seed, dict(problem.conventions))
    }


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("wish", [{}, {"dropout_p": "drawn", "seed": "drawn", "return_lse": True, "memory": "expanded"}])
def test_print_read_build(dtype: str, wish: dict[str, object]) -> None:
    count = 0

    @seed(11)
    @settings(max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate])
    @given(structures(dtype, wish, OPERATION["options"], POOL, "attention"))
    def same(structure: Structure) -> None:
        nonlocal count
        count += 1
        read = Structure.parse(structure.query(), "attention")
        assert read == structure
        assert bits(build(read)) == bits(build(structure))
        _is_typed(build(structure), structure)

    same()
    assert count == EXAMPLES


DESCALES = ("q_descale", "k_descale", "v_descale")


def _is_typed(problem: Problem, s: Structure) -> None:
    """Shapes and types are those of operation.yaml, and only what the structure names is there."""
    named = {"segments": ("q_segments", "kv_segments"), "dropout_seed": ("seed",)}
    assert set(problem.options) == {n for name in s.described for n in named.get(name, (name,))} <= set(OPERATION["options"])
    assert (problem.b, problem.hq, problem.hkv, problem.sq, problem.sk, problem.d, problem.dv) == (
        s.b, s.hq, s.hkv, s.sq, s.sk, s.d, s.dv,
    )  # fmt: skip
    shapes = {"q_segments": (s.b, s.sq), "kv_segments": (s.b, s.sk), "kv_lengths": (s.b,)}
    shapes |= {"alibi_slopes": (s.hq,), "sinks": (s.hq,)} | dict.fromkeys(DESCALES, (s.b, s.hkv))
    types = dict.fromkeys(DESCALES, "float32") | {
        "mask": "bool",
        "bias": bias_dtype(s.dtype),
        "alibi_slopes": "float32",
        "sinks": "float32",
    }
    for name, value in problem.options.items():
        if name in shapes:
            assert value.shape == shapes[name]
        if name in ("mask", "bias"):
            scores = (s.b, s.hq, s.sq, s.sk)
            assert np.broadcast_shapes(value.shape, scores) == scores
        if isinstance(value, np.ndarray):
            assert value.dtype.name == types.get(name, "int32")
            assert value.flags.c_contiguous and value.flags.writeable


CASE = (
    "dtype=bfloat16&b=3&hq=4&hkv=2&sq=7&sk=19&d=8&dv=5&window=3,none&mask=random:bhqk&bias=normal:b11k&alibi_slopes=random"
    "&sinks=normal&segments=3&kv_lengths=random&values=normal&seed=7&geometry=12"
)


def test_an_expanded_batch_has_equal_entries_and_any_other_has_not() -> None:
    for memory, equal in (("expanded", True), ("transposed", False)):
        problem = build(Structure.parse(f"{CASE}&memory={memory}", "attention"))
        parts = {"q": problem.q, "k": problem.k, "v": problem.v, **problem.options}
        for name in ("q", "k", "v", "mask", "bias", "q_segments", "kv_segments", "kv_lengths"):
            assert parts[name].shape[0] == 3
            assert (parts[name] == parts[name][:1]).all() == equal, name


def test_seeds_conventions_and_memory_reach_the_problem() -> None:
    problem = build(Structure.parse(CASE, "attention"), {"empty_rows": "nan"})
    assert (problem.geometry_seed, problem.conventions, problem.memory) == (12, {"empty_rows": "nan"}, "contiguous")
    assert problem.options["window"] == (3, None)


def test_geometry_does_not_change_the_data_and_the_seed_does() -> None:
    first, geometry, data = (bits(build(Structure.parse(CASE.replace(*change), "attention"))) for change in (
        ("", ""), ("geometry=12", "geometry=13"), ("seed=7", "seed=8"),
    ))  # fmt: skip
    assert {name for name in first if first[name] != geometry[name]} == {"rest"}
    assert {"q", "k", "v", "mask", "bias", "sinks", "alibi_slopes"} <= {name for name in first if first[name] != data[name]}


@pytest.mark.parametrize("option", ["mask", "bias", "segments", "kv_lengths", "sinks", "alibi_slopes", "window"])
def test_taking_an_option_away_moves_nothing_else(option: str) -> None:
    structure = Structure.parse(CASE, "attention")
    with_it, without = bits(build(structure)), bits(build(structure.but(**{option: None})))
    assert without.items() <= with_it.items()
    assert len(without) < len(with_it)


@settings(max_examples=20, database=None, deadline=None)
@given(
    st.sampled_from(["sq", "sk"]), structures("float16", {"sq": [0, 3], "sk": [0, 3]}, OPERATION["options"], POOL, "attention")
)
def test_nothing_to_attend_builds(axis: str, structure: Structure) -> None:
    problem = build(Structure.parse(structure.query(), "attention"))
    assert getattr(problem, axis) == getattr(structure, axis)
