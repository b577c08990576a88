"""Green must mean something: what makes a run red, and what makes a profile certified."""

from __future__ import annotations

from typing import Any

import pytest

from attnspec.reports.model import outcome
from attnspec.reports.record import Record


def test_all_pass_is_green(report: Any, row: Any) -> None:
    assert outcome(Record.of(report([row("weights/a"), row("weights/b")])).report) == (0, "every claimed must-law holds")


@pytest.mark.parametrize("verdict", ["fail", "error"])
def test_a_must_law_is_red(report: Any, row: Any, verdict: str) -> None:
    code, sentence = outcome(Record.of(report([row("weights/a"), row("weights/b", verdict)])).report)
    assert (code, sentence) == (1, "1 must-law failed or had no answer")


def test_a_should_law_is_not_red(report: Any, row: Any) -> None:
    assert outcome(Record.of(report([row(), row("heads/c", "fail", level="should")])).report)[0] == 0


def test_nothing_decided_is_red(report: Any, row: Any) -> None:
    assert outcome(Record.of(report([])).report) == (2, "nothing was decided: no law gave a result")
    undecided = [row("weights/a", "not-claimed"), row("weights/b", "inconclusive")]
    assert outcome(Record.of(report(undecided)).report) == (2, "nothing was decided: 1 not-claimed, 1 inconclusive")


def test_an_incomplete_run_is_red(report: Any, row: Any) -> None:
    found = report([row()], planned=3)
    assert not found["complete"] and outcome(Record.of(found).report) == (1, "the run is not complete: 1 of 3 results")


def test_a_known_failure_is_green_and_shown(report: Any, row: Any) -> None:
    entry = {"law": "weights/*", "implementation": "mine", "reason": "slow path", "link": "https://example.org/1"}
    found = report([row(verdict="fail")], baseline=[entry])
    assert found["results"][0]["known"] == "slow path (https://example.org/1)"
    assert outcome(Record.of(found).report)[0] == 0


def certified(found: dict[str, Any]) -> tuple[bool, list[str]]:
    [verdict] = found["verdicts"]
    assert (verdict["profile"], verdict["implementation"]) == ("core", "mine")
    return verdict["conforms"], verdict["reasons"]


def test_a_profile_is_certified(report: Any, row: Any) -> None:
    assert certified(report([row("weights/a"), row("weights/b")])) == (True, [])


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ("fail", "weights/b does not hold"),
        ("error", "weights/b has no answer"),
        ("inconclusive", "weights/b is inconclusive"),
        ("not-claimed", "weights/b is not claimed"),
    ],
)
def test_each_must_law_must_pass(report: Any, row: Any, verdict: str, reason: str) -> None:
    assert certified(report([row("weights/a"), row("weights/b", verdict)])) == (False, [reason])


def test_each_must_law_must_be_run_in_each_dtype(report: Any, row: Any, plan: dict[str, Any]) -> None:
    assert certified(report([row("weights/a")])) == (False, ["weights/b was not run"])
    plan["implementations"][0]["dtypes"] = ["float32", "float16"]
    both = [row("weights/a"), row("weights/b")]
    assert certified(report(both)) == (False, ["weights/a was not run (and 1 more)"])
    plan["dtype"] = "float32"
    assert certified(report(both)) == (False, ["only float32 was run"])
    plan["dtype"] = ["float32"]
    assert certified(report(both)) == (False, ["only float32 was run"])
    plan["implementations"][0]["dtypes"] = ["float32", "float16", "bfloat16"]
    plan["dtype"] = ["float32", "float16"]
    whole = [{**each, "dtype": dtype} for each in both for dtype in plan["dtype"]]
    assert certified(report(whole)) == (False, ["only float32 and float16 were run"])


def test_a_known_failure_is_no_conformance(report: Any, row: Any) -> None:
    entry = {"law": "weights/b", "implementation": "mine", "reason": "slow path"}
    assert not certified(report([row("weights/a"), row("weights/b", "fail")], baseline=[entry]))[0]


def test_little_effort_certifies_nothing(report: Any, row: Any, plan: dict[str, Any]) -> None:
    both = [row("weights/a"), row("weights/b")]
    plan["budget"]["examples"] = 49
    assert certified(report(both)) == (False, ["49 problems a law are fewer than the standard 50"])
    plan["budget"]["name"] = "quick"
    assert certified(report(both)) == (False, ["quick: not a conformance result"])


def test_a_profile_that_was_not_asked_for_whole_is_not_mentioned(report: Any, row: Any, plan: dict[str, Any]) -> None:
    del plan["laws"]["weights/b"]
    assert report([row("weights/a")])["verdicts"] == []
