"""A baseline cannot rot: each entry is read strictly, and complains when it has nothing to excuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.baseline import BaselineError, known, load_baseline

ENTRY = "{law: weights/a, implementation: mine, reason: slow path%s}"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def write(text: str) -> list[dict[str, Any]]:
        file = tmp_path / "known.yaml"
        file.write_text(text, encoding="utf-8")
        return load_baseline(file)

    return write


def test_globs_and_dtypes(load: Any, row: Any) -> None:
    entries = load("- {law: weights/*, implementation: m*, reason: slow path, dtype: float16}")
    assert known(entries, row(dtype="float16")) is entries[0]
    assert known(entries, row(dtype="float32")) is None
    assert known(entries, row("heads/c", dtype="float16")) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("law: weights/a", "a baseline is a list"),
        ("- weights/a", "entry 1: is not a mapping"),
        ("- {law: weights/a, implementation: mine}", "entry 1: has no reason"),
        (f"- {ENTRY % ''}\n- {ENTRY % ', exipres: 2030-01-01'}", "entry 2: unknown key 'exipres'"),
        (f"- {ENTRY % ', expires: soon'}", "expires is a date like 2027-01-31, not 'soon'"),
        ("- {law: [", "is not YAML"),
    ],
)
def test_a_bad_file_is_one_sentence(load: Any, text: str, said: str) -> None:
    with pytest.raises(BaselineError, match=r"known\.yaml") as raised:
        load(text)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="cannot be read"):
        load_baseline(tmp_path / "none.yaml")


def test_an_empty_file_excuses_nothing(load: Any, row: Any) -> None:
    assert known(load(""), row(verdict="fail")) is None


def problems(report: Any, rows: list[Any], entries: list[Any]) -> list[str]:
    found: list[str] = report(rows, baseline=entries)["baseline_problems"]
    return found


def test_an_entry_that_excuses_something_is_no_problem(load: Any, report: Any, row: Any) -> None:
    assert problems(report, [row(verdict="fail")], load(f"- {ENTRY % ', expires: 2999-01-01'}")) == []


def test_an_unexpected_pass(load: Any, report: Any, row: Any) -> None:
    [problem] = problems(report, [row(), row(dtype="float16", verdict="fail")], load(f"- {ENTRY % ''}"))
    assert "weights/a now passes on mine in float32; take the entry away" in problem


def test_an_expired_entry_excuses_nothing(load: Any, report: Any, row: Any) -> None:
    entries = load(f"- {ENTRY % ', expires: 2020-01-31'}")
    found = report([row(verdict="fail")], baseline=entries)
    assert "expired on 2020-01-31" in found["baseline_problems"][0] and "known" not in found["results"][0]


def test_an_entry_that_matches_nothing(load: Any, report: Any, row: Any) -> None:
    slips = "- {law: weights/z, implementation: mine, reason: slip}\n- {law: weights/a, implementation: yours, reason: slip}"
    entries = load(slips)
    assert [line.endswith("matches nothing in this run") for line in problems(report, [row()], entries)] == [True, True]


def test_what_was_left_out_on_request_is_no_problem(load: Any, report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["dtype"] = "float32"
    entries = load(f"- {ENTRY % ', dtype: float16'}\n- {{law: masks/d, implementation: mine, reason: later}}")
    assert problems(report, [row()], entries) == []
