"""Values are made simple only where the law still fails, and what is said of them is true."""

from __future__ import annotations

import numpy as np

from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.replaying.simplify import simplify

STRUCTURE = Structure.of(
    b=1, hq=1, hkv=1, sq=3, sk=8, d=4, dv=4, values="normal", seed=5, options={"bias": "normal:qk"}, operation="attention"
)


def test_what_does_not_matter_becomes_zero() -> None:
    p, said = simplify(build(STRUCTURE), lambda p: True)
    assert not p.q.any() and not p.k.any() and not p.v.any() and not p.options["bias"].any()
    assert said == dict.fromkeys(("bias", "v", "k", "q"), "0 throughout")


def test_the_one_row_that_matters_stays() -> None:
    drawn = build(STRUCTURE)

    def fails(p: Problem) -> bool:
        return bool(np.array_equal(p.k[0, 0, 5], drawn.k[0, 0, 5]))

    p, said = simplify(drawn, fails)
    assert fails(p)
    assert np.flatnonzero(p.k[0, 0].any(axis=-1)).tolist() == [5]
    assert said["k"] == "as drawn, and 0 in 7 of 8 rows"


def test_nothing_is_said_where_everything_matters() -> None:
    drawn = build(STRUCTURE)
    p, said = simplify(drawn, lambda p: bool(np.array_equal(p.v, drawn.v)))
    assert np.array_equal(p.v, drawn.v)
    assert "v" not in said


def test_the_problem_keeps_its_structure_and_dtype() -> None:
    drawn = build(STRUCTURE)
    p, _ = simplify(drawn, lambda p: True)
    for name in "qkv":
        assert getattr(p, name).shape == getattr(drawn, name).shape and getattr(p, name).dtype == getattr(drawn, name).dtype
    assert not p.random_signs


def test_time_ends_the_search() -> None:
    drawn = build(STRUCTURE)
    p, said = simplify(drawn, lambda p: True, seconds=-1.0)
    assert said == {} and np.array_equal(p.q, drawn.q)
