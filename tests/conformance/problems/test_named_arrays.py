"""Shapes of the spec name the axes of arrays, and a problem knows its arrays by name."""

from __future__ import annotations

import numpy as np
import pytest

from attnspec.conformance.operations import known_operations, operation_named
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.structure import Structure
from attnspec.spec.shapes import axes_of, sizes_of


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
