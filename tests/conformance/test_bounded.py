"""Intervals: every operation contains the exact answer of every pair of points it was given."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from attnspec.conformance.bounded import Bounded, bounded, from_ends
from attnspec.conformance.engine.relation import decide
from attnspec.conformance.vocabulary import Undecided
from attnspec.conformance.vocabulary.combiners import finite, log_sum, merge
from attnspec.conformance.vocabulary.word import Pair


def random_interval(rng: np.random.Generator, n: int = 200) -> Bounded:
    value = rng.standard_normal(n) * 10.0 ** rng.integers(-6, 6, n)
    return Bounded(value, value - np.abs(rng.standard_normal(n)), value + np.abs(rng.standard_normal(n)))


def point_in(x: Bounded, rng: np.random.Generator) -> np.ndarray:
    t = rng.random(x.shape)
    return np.clip(x.low + t * (x.high - x.low), x.low, x.high)


@pytest.mark.parametrize("sign", ["+", "-", "*", "/"])
def test_the_exact_answer_lies_inside(sign: str) -> None:
    rng = np.random.default_rng(7)
    a, b = random_interval(rng), random_interval(rng)
    result = {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign]
    x, y = point_in(a, rng), point_in(b, rng)
    for i in range(len(x)):
        if sign == "/" and b.low[i] <= 0 <= b.high[i]:
            assert result.low[i] == -np.inf and result.high[i] == np.inf
            continue
        p, q = Fraction(float(x[i])), Fraction(float(y[i]))
        exact = {"+": p + q, "-": p - q, "*": p * q, "/": p / q if q else Fraction(0)}[sign]
        assert Fraction(float(result.low[i])) <= exact <= Fraction(float(result.high[i]))


def test_merging_contains_the_merge_of_any_points() -> None:
    rng = np.random.default_rng(3)
    shape = (2, 3, 4)
    lses = [from_ends(m := rng.standard_normal(shape), m - 0.1, m + 0.1) for _ in range(2)]
    outs = [from_ends(m := rng.standard_normal((*shape, 5)), m - 0.2, m + 0.2) for _ in range(2)]
    merged = merge(Pair(outs[0], lses[0]), Pair(outs[1], lses[1]))
    for _ in range(50):
        la, lb = point_in(lses[0], rng), point_in(lses[1], rng)
        a, b = point_in(outs[0], rng), point_in(outs[1], rng)
        share = (1 / (1 + np.exp(lb - la)))[..., None]
        exact = share * a + (1 - share) * b
        assert np.all((merged.out.low <= exact) & (exact <= merged.out.high))
        assert np.all((merged.lse.low <= np.logaddexp(la, lb)) & (np.logaddexp(la, lb) <= merged.lse.high))


def test_a_part_without_keys_has_no_weight_in_a_merge() -> None:
    nothing = Pair(bounded(np.full((1, 1, 1, 2), np.nan)), bounded(np.full((1, 1, 1), -np.inf)))
    something = Pair(bounded(np.ones((1, 1, 1, 2))), bounded(np.zeros((1, 1, 1))))
    assert np.all(merge(nothing, something).out.value == 1)
    assert np.all(merge(something, nothing).out.value == 1)
    assert np.isneginf(log_sum(nothing.lse, nothing.lse).value).all()


def test_values_agree_where_intervals_meet() -> None:
    a = from_ends(np.array([1.0, 2.0]), np.array([0.9, 1.9]), np.array([1.1, 2.1]))
    assert decide(a, "≈", np.array([1.05, 2.05])).holds
    broken = decide(a, "≈", np.array([1.05, 2.2]))
    assert not broken.holds and broken.ratio is not None and broken.ratio == pytest.approx(2.0)
    assert "2.2" in " ".join(broken.broken)


@pytest.mark.parametrize("relation", ["≈", "≤", "≥", "=="])
def test_nan_against_a_number_never_holds(relation: str) -> None:
    wide = Bounded(np.array([np.nan]), np.array([np.nan]), np.array([np.nan]))
    assert not decide(wide, relation, 1.0).holds
    assert not decide(np.array([np.inf]), "≈", 1.0).holds
    assert decide(np.array([-np.inf]), "≈", np.array([-np.inf])).holds


def test_one_sided_relations_use_the_interval() -> None:
    a = from_ends(np.array([1.05]), np.array([0.95]), np.array([1.15]))
    assert decide(a, "≤", 1.0).holds
    assert not decide(a, "≤", 0.9).holds
    assert decide(a, "≥", 1.1).holds
    assert not decide(a, "≥", 1.2).holds


def test_a_condition_selects_and_an_empty_one_decides_nothing() -> None:
    a = np.array([[[[1.0, 1.0], [5.0, 5.0]]]])
    assert decide(a, "==", 1.0, where=np.array([[[[1], [0]]]])).holds
    assert not decide(a, "==", 1.0, where=np.array([[[[0], [1]]]])).holds
    with pytest.raises(Undecided):
        decide(a, "==", 1.0, where=np.zeros((1, 1, 2, 1)))
    assert decide(np.zeros((1, 1, 2)), "==", 0.0, where=np.ones((1, 1, 2, 1))).holds


def test_an_infinite_bound_is_counted_as_telling_nothing() -> None:
    a = Bounded(np.array([1.0]), np.array([-np.inf]), np.array([np.inf]))
    decision = decide(a, "≈", 5.0)
    assert decision.holds and decision.vacuous == decision.entries == 1


def test_where_the_arithmetic_promises_nothing_nan_decides_nothing() -> None:
    unknown = Bounded(np.array([np.nan]), np.array([-np.inf]), np.array([np.inf]))
    for relation in ("≈", "≤", "=="):
        decision = decide(unknown, relation, 1.0)
        assert decision.holds and decision.vacuous == decision.entries == 1
    known = Bounded(np.array([2.0]), np.array([-np.inf]), np.array([np.inf]))
    assert not decide(known, "==", 1.0).holds and not decide(np.nan, "==", 1.0).holds


def test_a_condition_that_does_not_match_the_sides_says_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"where has the shape \(1, 2\), which does not match the sides, \(1, 8\)"):
        decide(np.zeros((1, 8)), "≈", 0.0, where=np.ones((1, 2)))


def test_whether_an_answer_is_finite_is_not_asked_where_the_arithmetic_promises_nothing() -> None:
    nan, endless = np.array([np.nan]), np.array([np.inf])
    assert not decide(finite(bounded(nan)), "≈", 1.0).holds and decide(finite(2.0), "≈", 1.0).holds
    assert not decide(finite(bounded(endless)), "≈", 1.0).holds
    decision = decide(finite(Bounded(nan, -endless, endless)), "≈", 1.0)
    assert decision.holds and decision.vacuous == decision.entries == 1
