"""Words about sparse patterns mean what their docstrings say, and words made for attention hold of sparse attention too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.conformance.bounded import Bounded, bounded
from attnspec.conformance.meaning import attended, judged, own_errors
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS, Undecided
from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.sparse_attention.definition import sparse_attention

CASE = "dtype=float32&b=2&hq=6&hkv=2&sq=13&sk=19&d=8&causal=1&window=4,3&dilation=2&global_tokens=2&block_mask=random:4:bh"
CASE += "&values=normal&seed=5&geometry=3"


def problem(query: str = CASE, alignment: str = "bottom-right") -> Problem:
    return build(Structure.parse(query, "sparse_attention"), {"causal_alignment": alignment, "empty_rows": "zeros"})


def apply(name: str, *arguments: Any) -> Any:
    return WORDS[name].function(*arguments)


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
def test_a_problem_means_attention_under_its_pattern(alignment: str) -> None:
    p = problem(alignment=alignment)
    due = sparse_attention(p.q, p.k, p.v, causal_alignment=alignment, **p.options)
    assert np.array_equal(attended(p).out, due.out) and np.array_equal(attended(p).visible, due.visible)
    assert 0 < due.visible.sum() < due.visible.size
    bound = judged(p, arithmetic_for("fp32", "float32")).out_bound
    assert np.isfinite(bound).all() and bound[due.visible.any(-1)].min() > own_errors(p)[0]


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
def test_explicit_writes_the_pattern_as_blocks_of_one(alignment: str) -> None:
    p = problem(alignment=alignment)
    written = apply("explicit", p)
    assert set(written.options) == {"block_mask", "block_size"} and written.options["block_size"] == 1
    assert np.array_equal(attended(written).visible, attended(p).visible)


def test_dense_leaves_out_nothing_but_by_causality() -> None:
    p = apply("dense", problem())
    assert set(p.options) == {"causal"}
    assert np.array_equal(attended(p).visible[0, 0], np.tri(13, 19, 6, dtype=bool))


def test_heads_and_entries_take_their_own_blocks() -> None:
    p = problem()
    for number, head in enumerate(apply("each_head", p)):
        assert np.array_equal(attended(head).visible[:, 0], attended(p).visible[:, number])
    for number, entry in enumerate(apply("each_entry", p)):
        assert np.array_equal(attended(entry).visible[0], attended(p).visible[number])
    assert np.array_equal(attended(apply("reverse_heads", p)).visible, attended(p).visible[:, ::-1])


def test_a_wider_window_keeps_what_the_narrower_kept_and_more() -> None:
    p = problem("dtype=float32&b=1&hq=1&hkv=1&sq=13&sk=19&d=8&window=4,none&values=normal&seed=5&geometry=3")
    wide = apply("wider", p)
    assert wide.options["window"][0] > 4 and wide.options["window"][1] is None
    assert (attended(p).visible <= attended(wide).visible).all() and attended(p).visible.sum() < attended(wide).visible.sum()
    with pytest.raises(Undecided):
        apply("wider", apply("dense", p))


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
@pytest.mark.parametrize(("sq", "sk"), [(5, 9), (9, 5), (1, 7), (7, 1)])
def test_a_covering_window_is_the_smallest_that_hides_nothing(alignment: str, sq: int, sk: int) -> None:
    p = problem(f"dtype=float32&b=1&hq=1&hkv=1&sq={sq}&sk={sk}&d=8&window=0,0&values=normal&seed=5", alignment)
    left, right = apply("covered", p).options["window"]
    assert attended(p.but(window=(left, right))).visible.all()
    for less in ((left - 1, right), (left, right - 1)):
        assert min(less) < 0 or not attended(p.but(window=less)).visible.all()


def test_other_blocks_are_the_rest() -> None:
    p = problem("dtype=float32&b=1&hq=2&hkv=1&sq=13&sk=19&d=8&block_mask=random:4:1h&values=normal&seed=5")
    assert (attended(p).visible ^ attended(apply("other_blocks", p)).visible).all()
    with pytest.raises(Undecided):
        apply("other_blocks", apply("dense", p))


def test_parts_of_keys_refuse_a_pattern() -> None:
    for options in ("dilation=2", "global_tokens=1", "block_mask=random:4:11"):
        p = problem(f"dtype=float32&b=1&hq=1&hkv=1&sq=5&sk=9&d=8&{options}&values=normal&seed=5")
        with pytest.raises(ValueError, match="counts positions"):
            apply("first_keys", p)


def test_a_distance_knows_its_interval() -> None:
    a = Bounded(np.array([1.0, 5.0, 2.0]), np.array([0.0, 4.0, -np.inf]), np.array([2.0, 6.0, np.inf]))
    apart = apply("distance", a, bounded(np.array([1.5, 1.0, 0.0])))
    assert np.array_equal(apart.value, [0.5, 4.0, 2.0])
    assert apart.low[0] == 0 and 1.5 <= apart.high[0] < 1.5001
    assert 2.9999 < apart.low[1] <= 3 and 5 <= apart.high[1] < 5.0001
    assert np.isneginf(apart.low[2]) and np.isposinf(apart.high[2])


def test_mirrored_exchanges_queries_and_keys() -> None:
    assert apply("mirrored", bounded(np.zeros((1, 2, 3, 5)))).shape == (1, 2, 5, 3)
