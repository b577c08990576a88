"""The shortlist of quick runs: what it holds, when it counts, how it is chosen."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import attnspec
from attnspec.adapters.finding import find
from attnspec.adapters.shipped import shipped
from attnspec.conformance.engine.verify import not_claimed
from attnspec.conformance.kills.suspects import CORRECT, Terms, suspect
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.loading import shortlist, spec_folder
from attnspec.conformance.language.text import read_yaml
from attnspec.conformance.quick import ENOUGH
from attnspec.conformance.selection import Target, choose_laws, make_plan

CHOOSING = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "shortlist.py"))
LAWS = {law.id: law for law in load_laws()}


def test_it_holds_some_laws_of_every_chapter() -> None:
    assert shortlist() <= set(LAWS)
    assert {LAWS[name].chapter for name in shortlist()} == {law.chapter for law in LAWS.values()}
    assert 2 * len(shortlist()) < len(LAWS)


def test_its_laws_name_mistakes_of_every_operation() -> None:
    assert {LAWS[name].operation for name in shortlist()} == {law.operation for law in LAWS.values()}


def test_it_counts_only_where_a_short_run_names_nothing(tmp_path: Path) -> None:
    assert {law.id for law in choose_laws(short=True)} == shortlist()
    assert len(choose_laws()) == len(LAWS)
    text = (
        "chapter: mine\nabout: One of mine.\nlaws:\n"
        "  - id: mine/ones\n    statement: Values of one give one.\n    operation: attention\n"
        "    equation: out(with_values(p, 1)) ≈ 1\n    level: must\n    why: A test.\n    kills: [mask-ignored]\n"
        "    source: ['https://example.org']\n"
    )
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert {law.id for law in choose_laws(short=True, files=[tmp_path / "mine.yaml"])} == shortlist() | {"mine/ones"}


@pytest.mark.parametrize(
    ("asked", "short"),
    [({}, True), ({"laws": ["causal/*"]}, False), ({"profile": "core"}, False), ({"budget": "standard"}, False)],
)
def test_named_laws_a_profile_and_longer_budgets_are_whole(asked: dict[str, Any], short: bool) -> None:
    plan = make_plan([Target("numpy/flash", find("numpy/flash")[0])], **asked)
    assert ({law.id for law in plan.laws} <= shortlist()) is short


def matrix(kills: dict[str, list[str]], seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "laws": [{"law": law, "seconds": spent} for law, spent in seconds.items()],
        "faults": {fault: {"in": {"float32": {"kills": [{"law": law} for law in laws]}}} for fault, laws in kills.items()},
    }


def test_few_laws_that_reject_all_and_of_equal_ones_the_quicker() -> None:
    seconds = {"a/wide": 9.0, "a/slow": 2.0, "b/quick": 1.0, "c/slow": 2.0, "c/idle": 1.0}
    kills = {"one": ["a/wide"], "two": ["a/wide", "c/idle"], "three": ["a/slow", "b/quick"], "five": ["c/slow", "c/idle"]}
    first = matrix(kills, seconds)
    second = matrix({"one": ["a/wide"], "three": ["a/slow", "b/quick"], "four": []}, seconds)
    found, spent = CHOOSING["rejected"]([first, second])
    named = {law: ["five"] if law == "c/slow" else ["one"] for law in seconds}
    assert sorted(CHOOSING["leading"](found, named)) == ["a/wide", "b/quick", "c/slow"]
    assert sorted(CHOOSING["chosen"](found, spent, named)) == ["a/wide", "b/quick", "c/slow"]
    apart = {"a/one": {(0, "", "x"), (0, "", "y")}, "a/two": {(0, "", "z")}, "a/three": {(0, "", "z")}}
    assert CHOOSING["chosen"](apart, {"a/one": 1.0, "a/two": 2.0, "a/three": 1.0}, dict.fromkeys(apart, ())) == [
        "a/one",
        "a/three",
    ]


def test_a_law_counts_where_it_rejects_a_mistake_for_every_seed() -> None:
    """Of two laws that reject a mistake the one is taken that rejects it each time, although the other is quicker."""
    first = matrix({"one": ["a/lucky", "a/steady"], "two": ["b/lucky"]}, {"a/lucky": 1.0, "a/steady": 5.0, "b/lucky": 1.0})
    second = matrix({"one": ["a/steady"], "two": []}, {"a/lucky": 1.0, "a/steady": 5.0, "b/lucky": 1.0})
    found, spent = CHOOSING["rejected"]([first, second])
    steady = CHOOSING["steady"](found, 2)
    assert steady == {"a/steady": {("float32", "one")}, "a/lucky": set(), "b/lucky": set()}
    assert CHOOSING["covering"](steady, spent, ()) == ["a/steady"]
    assert CHOOSING["covering"](found, spent, ["a/steady"]) == ["b/lucky"]
    assert CHOOSING["covering"](found, spent, ["a/steady", "b/lucky"]) == []


def test_whoever_takes_more_is_asked_more() -> None:
    """The list of an implementation holds that of one of fewer options, and the list for any implementation."""
    lists = [frozenset(options) for options in CHOOSING["SIGNATURES"]]
    common = frozenset(read_yaml(spec_folder() / "shortlist.yaml")[0]["laws"])
    assert frozenset() in lists and common < shortlist(frozenset()) < shortlist(frozenset({"causal", "scale"})) <= shortlist()
    for smaller in lists:
        assert common <= shortlist(smaller) and all(
            shortlist(smaller) <= shortlist(larger) for larger in lists if smaller <= larger
        )


@pytest.mark.parametrize(
    "entry", read_yaml(spec_folder() / "shortlist.yaml")[0]["more"], ids=lambda entry: "-".join(entry["options"])
)
def test_further_laws_can_be_asked_of_whoever_they_are_for(entry: dict[str, Any]) -> None:
    made = suspect(CORRECT, Terms(options=frozenset(entry["options"])), operation="attention")
    assert tuple(entry["options"]) in CHOOSING["SIGNATURES"] and entry["laws"]
    for law in entry["laws"]:
        assert LAWS[law].level == "must" and not_claimed(made, LAWS[law], "float32") is None, law


def test_a_short_run_tries_what_is_slow_in_one_dtype_a_law_and_in_all_of_them_over_the_laws() -> None:
    slow, quick = find("triton/flash")[0], find("numpy/flash")[0]
    plan = make_plan([Target("triton/flash", slow), Target("numpy/flash", quick)])
    tried = {
        law.id: [case.dtype for case in plan.whole() if case.law is law and case.target.implementation is slow]
        for law in plan.laws
    }
    assert all(len(dtypes) == 1 for dtypes in tried.values())
    assert {dtypes[0] for dtypes in tried.values()} == set(slow.dtypes)
    asked = [case for case in plan.whole() if case.target.implementation is quick]
    assert len(asked) == len(shortlist(quick.options) & {law.id for law in plan.laws}) * len(quick.dtypes)
    whole = make_plan([Target("triton/flash", slow)], laws=["causal/*"])
    assert len(list(whole.whole())) == len(whole.laws) * len(slow.dtypes)


COSTLY = [name for name in shipped() if find(name)[0].mode != "eager"]


@pytest.mark.parametrize("name", COSTLY)
def test_whoever_is_slow_to_call_is_asked_enough_laws_as_far_as_there_are(name: str) -> None:
    made = find(name)[0]
    asked = {case.law.id for case in make_plan([Target(name, made)]).whole()}
    able = {law.id for law in LAWS.values() if any(not_claimed(made, law, dtype) is None for dtype in made.dtypes)}
    musts = {law for law in able if LAWS[law].level == "must"}
    assert shortlist(made.options) & able <= asked
    assert len(asked & able) >= ENOUGH or musts <= asked


@pytest.mark.study
@pytest.mark.parametrize("name", [name for name in COSTLY if find(name)[0].operation == "attention"])
def test_forty_laws_are_decided_of_whoever_is_slow_to_call(name: str) -> None:
    report = attnspec.check(find(name)[0])
    assert len({row.law for row in report.results if row.verdict in ("pass", "fail")}) >= 40
