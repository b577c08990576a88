"""A result says how close to its bound the error came for each number of keys, as a plot needs it."""

from __future__ import annotations

from attnspec.conformance.engine.relation import Decision
from attnspec.conformance.engine.tally import Finding, Tally
from attnspec.conformance.problems.structure import Structure


def test_the_largest_ratio_of_each_number_of_keys_is_kept() -> None:
    tally = Tally()
    for keys, ratio in ((33, 0.25), (2, 0.5), (33, 0.125), (0, None)):
        tally.passed(f"case {keys}", Structure.of(sk=keys, operation="attention"), Decision(True, 4, ratio=ratio))
    assert tally.over_keys == {33: 0.25, 2: 0.5} and tally.worst_ratio == 0.5
    tally.found(Finding("fail", "bad", Structure.of(sk=17, operation="attention"), "off", [], ratio=8.0))
    assert tally.over_keys == {33: 0.25, 2: 0.5, 17: 8.0}


def test_a_problem_that_decides_nothing_has_no_point() -> None:
    tally = Tally()
    tally.passed("case", Structure.of(sk=5, operation="attention"), Decision(True, 4, vacuous=4, ratio=0.5))
    assert not tally.over_keys
