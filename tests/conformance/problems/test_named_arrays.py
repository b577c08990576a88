"""Shapes of the spec name the axes of arrays, and a problem knows its arrays by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from attnspec.conformance.operations import Operation, known, known_operations, operation_named, register
from attnspec.conformance.operations.sizes import Size
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.descriptors import StructureError
from attnspec.conformance.problems.drawing import draw
from attnspec.conformance.problems.sizes import pool_for
from attnspec.conformance.problems.strategies import structures
from attnspec.conformance.problems.structure import Structure
from attnspec.spec.operations import operations
from attnspec.spec.shapes import arguments_of, axes_of, sizes_of


def test_the_axes_of_a_shape() -> None:
    assert axes_of("(B, Hq, Sq, D)") == ("B", "Hq", "Sq", "D") and axes_of("(B,)") == ("B",)


@pytest.mark.parametrize("shape", ["B, D", "(B, D", "(B, 3)", "(B, B)"])
def test_what_is_no_shape_is_refused(shape: str) -> None:
    with pytest.raises(ValueError, match=r"shape|twice"):
        axes_of(shape)


def test_sizes_are_read_off_arrays_the_first_that_has_the_axis_telling() -> None:
    arguments = {"x": ("T", "C"), "y": ("C", "N")}
    assert sizes_of(arguments, {"x": (3, 4), "y": (5, 6)}) == {"t": 3, "c": 4, "n": 6}
    assert sizes_of({"q": ("B", "H")}, {"q": (2, 7)}) == {"b": 2, "hq": 7, "hkv": 7}


@pytest.mark.parametrize("operation", known_operations())
def test_a_built_problem_has_the_arrays_that_its_operation_states(operation: str) -> None:
    structure = Structure.of(operation, b=2, hq=4, hkv=4, sq=3, sk=5, d=8, dv=6)
    p = build(structure)
    assert list(p.arrays) == list(operation_named(operation).arguments)
    assert p.sizes == {name: getattr(structure, name) for name in ("b", "hq", "sq", "d", "hkv", "sk", "dv")}


def test_arrays_and_fields_are_replaced_by_name() -> None:
    p = build(Structure.of("attention", sq=2, sk=3, d=4, values="normal"))
    changed = p.having(v=-p.v, memory="sliced")
    assert changed.k is p.k and changed.memory == "sliced" and not changed.random_signs and p.random_signs
    np.testing.assert_array_equal(changed.v, -p.v)
    assert p.gradients == {"dq": "q", "dk": "k", "dv": "v"}


SHAPES = {"rows": "(N, R)", "columns": "(R, T)", "offset": "(T)"}


@pytest.fixture
def folding(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operation]:
    """An operation that has nothing of attention: three arrays, and a size that is a multiple of another one."""

    def never(*arguments: Any) -> Any:
        raise AssertionError("nothing is computed here")

    stated = {"arguments": {name: {"shape": shape} for name, shape in SHAPES.items()}, "options": {}}
    monkeypatch.setitem(operations(), "folding", stated)
    monkeypatch.setattr(known, "_ADDED", {})
    sizes = {"n": Size(least=0), "r": Size(), "t": Size(multiple_of="r", most=40, why="each column is folded")}
    contents = {
        "whole": lambda s: {name: np.full(shape, 2.0) for name, shape in s.shapes.items()},
        "normal": lambda s: {name: s.normal(name) for name in s.shapes},
    }
    operation = Operation("folding", never, never, never, {}, sizes, contents)
    register(operation)
    yield operation
    arguments_of.cache_clear()


def drawn(given: dict[str, Any], compiled: bool = False, examples: int = 40) -> list[Structure]:
    found: list[Structure] = []
    strategy = structures("float32", given, [], pool_for("quick", compiled, 0), "folding")
    draw(strategy, found.append, name="folding", examples=examples, shrink=False)
    return found


def test_an_operation_of_other_arrays_is_drawn_and_built(folding: Operation) -> None:
    found = drawn({})
    assert all(s.t % s.r == 0 and s.t <= 40 and s.n * s.r * s.t <= 12_000 for s in found)
    assert len({s.sizes for s in found}) > 20 and {s.values for s in found} == {"whole", "normal"}
    for structure in found:
        p = build(structure)
        assert {name: x.shape for name, x in p.arrays.items()} == {
            "rows": (structure.n, structure.r), "columns": (structure.r, structure.t), "offset": (structure.t,)
        }  # fmt: skip
        assert p.sizes == structure.lengths and p.dtype == "float32" and p.fair_values is None
        assert Structure.parse(structure.query(), "folding") == structure
    assert found[-1].query().startswith("dtype=float32&n=")


def test_a_law_asks_for_sizes_by_their_names_in_any_operation(folding: Operation) -> None:
    assert {(s.n, s.r) for s in drawn({"n": 3, "r": [2, 5]})} == {(3, 2), (3, 5)}
    assert all(s.n == s.r >= 4 for s in drawn({"n": "r", "r": ">= 4"}))
    assert len({s.sizes for s in drawn({}, compiled=True)}) < len({s.sizes for s in drawn({})})
    with pytest.raises(StructureError, match="unknown key 'sq'"):
        drawn({"sq": 3})


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("r=2&t=5", "t=5 is not a multiple of r=2; each column is folded"),
        ("r=2&t=42", "t=42 is more than 40"),
        ("n=-1", "-1' is not an integer of at least 0"),
        ("hq=2", "unknown key 'hq'"),
        ("values=integers", "unknown distribution of values 'integers'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_any_operation(folding: Operation, query: str, said: str) -> None:
    with pytest.raises(StructureError, match=said.replace("(", "\\(")):
        Structure.parse(f"dtype=float32&values=normal&{query}" if "values" not in query else query, "folding")
