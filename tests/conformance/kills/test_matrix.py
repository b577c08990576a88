"""The matrix: what is tried, what it says, and when it is red."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from attnspec.conformance.engine.budget import BUDGETS
from attnspec.conformance.kills import matrix as module
from attnspec.conformance.kills.matrix import Matrix, row_of
from attnspec.conformance.kills.suspects import FAULTS, Fault
from attnspec.conformance.language import load_laws
from attnspec.reports.kill_table import fault_page, matrix_markdown, matrix_text
from attnspec.reports.kills import build_matrix, outcome, rejecting, summarised, survivors, unproven
from attnspec.reports.schema import KillMatrix
from attnspec.reports.schema.faults import Rejected
from attnspec.reports.write import as_json

pytestmark = pytest.mark.long

LAWS = ("causal/as-defined", "causal/is-a-mask", "weights/sum-to-one", "heads/concatenate", "flash/lse-as-defined")
NAMES = ("causal-off-by-one", "lse-base-two", "accepts-mixed-dtypes")
BUDGET = replace(BUDGETS["quick"], examples=6)


def about(name: str, **changes: Any) -> dict[str, Any]:
    plain = {"title": FAULTS[name].title, "operation": "attention", "needs": [], "equivalent": "", "dtypes": [], "because": ""}
    return {**plain, **changes}


def built(rows: list[dict[str, Any]], faults: dict[str, Any], dtypes: tuple[str, ...] = ("float32",)) -> KillMatrix:
    budget = {"name": "quick", "examples": 6}
    made = build_matrix(rows, faults=faults, budget=budget, seed=0, dtypes=dtypes, seconds=1.0)
    schema = json.loads(files("attnspec.reports").joinpath("schema/faults.schema.json").read_text(encoding="utf-8"))
    from jsonschema import Draft202012Validator

    Draft202012Validator(schema).validate(json.loads(as_json(made)))
    return made


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return Matrix(LAWS, NAMES, ("float32",), BUDGET).rows()


def test_each_law_says_what_it_rejects_and_survivors_turn_it_red(rows: list[dict[str, Any]]) -> None:
    made = built(rows, {name: about(name) for name in NAMES})
    kills = {name: {kill.law for kill in fault.tried["float32"].kills} for name, fault in made.faults.items()}
    assert kills["causal-off-by-one"] >= {"causal/as-defined", "causal/is-a-mask"}
    assert kills["lse-base-two"] == {"flash/lse-as-defined"}
    assert kills["accepts-mixed-dtypes"] == set()
    assert survivors(made) == [("accepts-mixed-dtypes", "float32")]
    assert outcome(made) == (1, "1 fault survived")
    text = matrix_text(made)
    assert text.startswith("survivors: 1\n  accepts-mixed-dtypes in float32, tried by 5 laws on 30 problems: ")
    assert "float32: 2 of 3 known mistakes are rejected" in text
    killed = built(rows, {name: about(name) for name in NAMES[:2]})
    assert outcome(killed) == (0, "every known mistake is rejected") and matrix_text(killed).startswith("survivors: none\n")


def test_rows_are_the_same_in_other_processes(rows: list[dict[str, Any]]) -> None:
    def plain(found: list[dict[str, Any]]) -> Any:
        for row in found:
            assert row.pop("seconds") > 0
            for part in row["faults"].values():
                assert part["kill"] is None or part["kill"].pop("seconds") > 0
        return found

    told: list[str] = []
    again = Matrix(LAWS[:2], NAMES, ("float32",), BUDGET).rows(2, told=lambda row: told.append(row["law"]))
    assert plain(again) == plain([json.loads(json.dumps(row)) for row in rows[:2]])
    assert sorted(told) == sorted(LAWS[:2])


def test_what_is_equivalent_stands_apart_and_must_not_be_rejected(rows: list[dict[str, Any]]) -> None:
    proof = "Arrays of two dtypes never reach it, because the kit converts them before it calls."
    same = about("accepts-mixed-dtypes", equivalent=proof)
    made = built(rows, {"accepts-mixed-dtypes": same, "lse-base-two": about("lse-base-two")})
    assert survivors(made) == [] and outcome(made)[0] == 0
    text = matrix_text(made)
    assert f"accepts-mixed-dtypes is equivalent to the definition: {proof}" in text and "SURVIVES" not in text
    assert "float32: 1 of 1 known mistakes" in text
    false = built(rows, {"lse-base-two": about("lse-base-two", equivalent=proof)})
    assert unproven(false) == [("lse-base-two", "float32", "flash/lse-as-defined")] and outcome(false)[0] == 1
    assert "is said to be equivalent to the definition, and flash/lse-as-defined rejects it" in matrix_text(false)


def test_a_dtype_in_which_it_cannot_be_told_is_no_survivor(rows: list[dict[str, Any]]) -> None:
    limited = about("accepts-mixed-dtypes", dtypes=["float16"], because="float32 rounds away what it does.")
    made = built(rows, {"accepts-mixed-dtypes": limited, "lse-base-two": about("lse-base-two")})
    assert survivors(made) == [] and made.faults["accepts-mixed-dtypes"].tried == {}
    assert "accepts-mixed-dtypes cannot be told from rounding in float32: float32 rounds away" in matrix_text(made)


def test_a_law_that_rejects_the_definition_is_red(rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"verdict": "fail", "message": "1 against 2", "case": "weights/sum-to-one?b=1"}
    made = built([{**rows[0], "definition": wrong}, *rows[1:]], {"lse-base-two": about("lse-base-two")})
    assert [row.law for row in rejecting(made)] == ["causal/as-defined"]
    assert outcome(made) == (1, "1 law rejected the definition itself")
    said = "causal/as-defined in float32 rejects the definition itself: 1 against 2 (weights/sum-to-one?b=1)"
    assert said in matrix_text(made)


def test_the_definition_is_tried_with_every_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """A definition that is wrong on purpose is found, and what follows from it is void."""
    law = next(law for law in load_laws() if law.id == "weights/sum-to-one")
    monkeypatch.setattr(module, "CORRECT", "weights-unnormalised")
    row = row_of(law, "float32", [FAULTS["softmax-one"]], BUDGET)
    assert row["definition"]["verdict"] == "fail" and row["definition"]["case"].startswith("weights/sum-to-one?")


def test_nothing_tried_is_not_green(rows: list[dict[str, Any]]) -> None:
    made = built([rows[0]], {"lse-base-two": about("lse-base-two")})
    assert outcome(made)[0] == 2


def test_a_fault_is_not_tried_in_dtypes_that_it_does_not_name() -> None:
    law = next(law for law in load_laws() if law.id == "weights/sum-to-one")
    limited: Fault = replace(FAULTS["softmax-one"], dtypes=("float16",), because="…")
    assert row_of(law, "float32", [limited], BUDGET)["faults"] == {}


def test_markdown_and_summary_hold_every_fault(rows: list[dict[str, Any]]) -> None:
    made = built(rows, {name: about(name) for name in NAMES})
    text = matrix_markdown(made)
    assert "| lse-base-two | float32 | flash/lse-as-defined |" in text
    assert "| accepts-mixed-dtypes | float32 | nothing |" in text
    short = summarised(made)
    assert short.laws == 5 and short.faults["accepts-mixed-dtypes"] == {"float32": Rejected(0)}
    assert short.faults["lse-base-two"]["float32"].law == "flash/lse-as-defined"
    page = fault_page([short], {name: {"title": FAULTS[name].title, "links": ["https://example.org"]} for name in NAMES})
    assert "| quick | 6 | float32 | 2 | 3 | 1 |" in page
    assert any(line.startswith("| [accepts-mixed-dtypes](https://example.org)") and "**survives**" in line for line in page)
