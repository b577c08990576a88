"""A baseline cannot rot: each entry is read strictly, and complains when it has nothing to excuse."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.baseline import BaselineError, failure, known, load_baseline
from attnspec.reports.schema import Result, checked
from attnspec.reports.schema.setting import KnownFailure

ENTRY = "{law: weights/a, implementation: mine, reason: slow path%s}"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def write(text: str) -> list[dict[str, Any]]:
        file = tmp_path / "known.yaml"
        file.write_text(text, encoding="utf-8")
        return load_baseline(file)

    return write


def expected(entries: list[dict[str, Any]], row: dict[str, Any]) -> KnownFailure | None:
    """The entry that expects a result to fail, if one does."""
    return known([failure(entry) for entry in entries], checked(row, Result, "the result"))


def test_globs_and_dtypes(load: Any, row: Any) -> None:
    entries = load("- {law: weights/*, implementation: m*, reason: slow path, dtype: float16}")
    assert expected(entries, row(dtype="float16")) == failure(entries[0])
    assert expected(entries, row(dtype="float32")) is None
    assert expected(entries, row("heads/c", dtype="float16")) is None


def test_without_a_dtype_every_dtype_is_meant(load: Any, row: Any) -> None:
    entries = load(f"- {ENTRY % ''}")
    assert expected(entries, row(dtype="float16")) == expected(entries, row(dtype="float32")) == failure(entries[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("law: weights/a", "a baseline is a list"),
        ("- weights/a", "known.yaml:1: entry 1 is not a mapping"),
        ("- {law: weights/a, implementation: mine}", "known.yaml:1: has no reason; say why weights/a is known to fail on mine"),
        (f"- {ENTRY % ''}\n- law: weights/b\n  implementation: mine\n  reason: ''  # say why", "known.yaml:2: has no reason"),
        ("- {law: weights/a, implementation: mine, reason: '  '}", "has no reason"),
        ("- {law: weights/a, reason: slow}", "known.yaml:1: has no implementation"),
        (f"- {ENTRY % ''}\n- {ENTRY % ', exipres: 2030-01-01'}", "known.yaml:2: entry 2 has the unknown key 'exipres'"),
        (f"- {ENTRY % ', fails: often'}", "fails is always or sometimes, not 'often'"),
        (f"- {ENTRY % ', reason: another'}", "has reason twice"),
        (f"- {ENTRY % ', expires: soon'}", "expires is a date like 2027-01-31, not 'soon'"),
        ("- {law: [", "is not YAML"),
        ("- \0", "is not YAML: unacceptable character"),
        (
            "- &a {law: a/a, implementation: x, reason: y}\n- *a\n",
            "known.yaml:1: anchors and aliases are not part of a baseline",
        ),
        ("a: &a [x]\nb: &b [*a, *a]\n", "anchors and aliases"),
        ("[" * 9 + "]" * 9, "known.yaml:1: nests deeper than 8"),
        ("[" * 50_000, "nest"),
        ("# x\n" * (3 << 20), "is larger than 8388608 bytes"),
    ],
)
def test_a_bad_file_is_one_sentence(load: Any, text: str, said: str) -> None:
    with pytest.raises(BaselineError, match=r"known\.yaml") as raised:
        load(text)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_file_and_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="cannot be read"):
        load_baseline(tmp_path / "none.yaml")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for place in (tmp_path / "endless", tmp_path):
        with pytest.raises(BaselineError, match="is not a regular file"):
            load_baseline(place)


def test_an_empty_file_excuses_nothing(load: Any, row: Any) -> None:
    assert expected(load(""), row(verdict="fail")) is None


def test_entries_know_their_lines(load: Any) -> None:
    text = "# head\n\n- law: a/a\n  implementation: x\n  reason: >-\n    one\n    #2 of two\n\n# next\n"
    text += "- {law: a/b, implementation: x, reason: y}\n"
    assert [(entry["line"], entry["last_line"]) for entry in load(text)] == [(3, 7), (10, 10)]


def problems(report: Any, rows: list[Any], entries: list[Any]) -> list[str]:
    found: list[str] = report(rows, baseline=entries)["baseline_problems"]
    return found


def test_an_entry_that_excuses_something_is_no_problem(load: Any, report: Any, row: Any) -> None:
    assert problems(report, [row(verdict="fail")], load(f"- {ENTRY % ', expires: 2999-01-01'}")) == []


def test_an_unexpected_pass_says_which_lines_to_delete(load: Any, report: Any, row: Any) -> None:
    entries = load("\n- law: weights/a\n  implementation: mine\n  reason: slow path\n")
    [problem] = problems(report, [row()], entries)
    assert problem.endswith("known.yaml:2: weights/a now passes on mine in float32; delete lines 2 to 4")


def test_an_entry_of_which_a_part_passes_is_to_be_narrowed(load: Any, report: Any, row: Any) -> None:
    [problem] = problems(report, [row(), row(dtype="float16", verdict="fail")], load(f"- {ENTRY % ''}"))
    assert "weights/a now passes on mine in float32; narrow line 1 to what still fails: weights/a on mine in float16" in problem


def test_an_expired_entry_excuses_nothing(load: Any, report: Any, row: Any) -> None:
    entries = load(f"- {ENTRY % ', expires: 2020-01-31'}")
    found = report([row(verdict="fail")], baseline=entries)
    assert "known.yaml:1: the entry for weights/a on mine expired on 2020-01-31" in found["baseline_problems"][0]
    assert "known" not in found["results"][0]


def test_an_entry_holds_on_its_last_day(load: Any, row: Any) -> None:
    today, yesterday = date.today(), date.today() - timedelta(days=1)
    assert expected(load(f"- {ENTRY % f', expires: {today}'}"), row()) is not None
    assert expected(load(f"- {ENTRY % f', expires: {yesterday}'}"), row()) is None


def test_an_entry_that_matches_nothing(load: Any, report: Any, row: Any) -> None:
    slips = "- {law: weights/z, implementation: mine, reason: slip}\n- {law: weights/a, implementation: yours, reason: slip}"
    found = problems(report, [row()], load(slips))
    assert ["matches nothing in this run; correct it, or delete line" in line for line in found] == [True, True]
    assert ["known.yaml:1" in found[0], "known.yaml:2" in found[1]] == [True, True]


@pytest.mark.parametrize("verdict", ["not-claimed", "inconclusive"])
def test_an_entry_that_excuses_nothing(load: Any, report: Any, row: Any, verdict: str) -> None:
    [problem] = problems(report, [row(verdict=verdict)], load(f"- {ENTRY % ''}"))
    assert f"excuses nothing: every result that it matches is {verdict}; delete line 1" in problem


def test_what_was_left_out_on_request_is_no_problem(load: Any, report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["dtype"] = "float32"
    entries = load(f"- {ENTRY % ', dtype: float16'}\n- {{law: masks/d, implementation: mine, reason: later}}")
    assert problems(report, [row()], entries) == []


def test_a_law_that_fails_on_some_of_what_is_drawn_may_pass(load: Any, report: Any, row: Any) -> None:
    entries = load(f"- {ENTRY % ', fails: sometimes'}")
    for verdict in ("fail", "pass"):
        assert problems(report, [row(verdict=verdict)], entries) == []
    assert expected(entries, row(verdict="fail")) == failure(entries[0])
    assert len(problems(report, [row()], load(f"- {ENTRY % ', fails: always'}"))) == 1


def test_a_law_that_fails_sometimes_still_has_to_be_tried(load: Any, report: Any, row: Any) -> None:
    [said] = problems(report, [row(verdict="inconclusive")], load(f"- {ENTRY % ', fails: sometimes'}"))
    assert "excuses nothing" in said
