"""JUnit XML as a consumer reads it, and what no consumer may take for a pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite

from attnspec.reports.formats import rendered
from attnspec.reports.formats.junit import printable
from attnspec.reports.record import Record


def parsed(report: Any, folder: Path) -> dict[str, TestSuite]:
    """The suites by name, as read from a file."""
    file = folder / "junit.xml"
    file.write_text(rendered(Record.of(report), "junit"), encoding="utf-8")
    return {suite.name: suite for suite in JUnitXml.fromfile(str(file))}


def results(suite: TestSuite) -> dict[str, Any]:
    """Test → what the consumer says of it; None for a pass."""
    return {case.name: case.result[0] if case.result else None for case in suite}


def test_each_result_is_a_test(mixed: Any, tmp_path: Path) -> None:
    suite = parsed(mixed, tmp_path)["mine"]
    found = results(suite)
    assert {name: type(result) for name, result in found.items()} == {
        "weights/pass": type(None),
        "weights/fail": Failure,
        "weights/error": Error,
        "weights/known": Skipped,
        "heads/c": Skipped,
        "weights/inconclusive": Skipped,
        "weights/not-claimed": Skipped,
    }
    assert found["weights/known"].message == "known failure: slow path"
    assert found["heads/c"].message == "should-law does not hold: lax"
    assert found["weights/inconclusive"].message == "inconclusive: bound is infinite (2 problems)"
    assert found["weights/not-claimed"].message == "not-claimed: takes no option window (12 problems)"
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 1, 1, 4)
    assert {case.classname for case in suite} == {"mine.float32"}
    assert suite.time == pytest.approx(7 * 0.3)


def test_a_failure_carries_the_finding(mixed: Any, nasty: str, tmp_path: Path) -> None:
    failure = results(parsed(mixed, tmp_path)["mine"])["weights/fail"]
    assert failure.message == f"scale-ignored: No scale. {printable(nasty)}"
    assert failure.text.startswith("scale-ignored: No scale.\n  fails     weights/fail for mine in float32\n")
    assert "  replay    attnspec replay 'weights/fail?dtype=float32&b=1' mine.py:mine" in failure.text


def test_a_cause_is_told_in_full_once(report: Any, row: Any, mixed: Any, tmp_path: Path) -> None:
    diagnosis = mixed["results"][1]["diagnosis"]
    rows = [row(law, "fail", diagnosis=diagnosis, message=f"off by {law}") for law in ("weights/fail", "weights/known")]
    found = results(parsed(report(rows), tmp_path)["mine"])
    assert "evidence" in found["weights/fail"].text and "evidence" not in found["weights/known"].text
    assert (
        "  told      in full at weights/fail for mine in float32\n  found     off by weights/known\n"
        in found["weights/known"].text
    )


def test_a_test_points_into_the_users_repository(report: Any, row: Any, plan: dict[str, Any], tmp_path: Path) -> None:
    [case] = parsed(report([row(verdict="fail")]), tmp_path)["mine"]
    assert case._elem.get("file") == "mine.py" and case._elem.get("line") is None
    plan["implementations"][0]["address"] = "numpy/flash"
    [case] = parsed(report([row(verdict="fail")]), tmp_path)["mine"]
    assert case._elem.get("file") is None


def test_what_xml_forbids_is_written_as_an_escape(nasty: str) -> None:
    assert printable(nasty) == r"<b>bold</b> `code` | *star* @someone #12 & \x1b[31mred\x00 \ufffe \udcff ]]> </pre>"
    assert printable("\t≈ 𝔸\n") == "\t≈ 𝔸\n"


def test_properties_say_what_is_certified(report: Any, row: Any, tmp_path: Path) -> None:
    suite = parsed(report([row("weights/a"), row("weights/b", "not-claimed")]), tmp_path)["mine"]
    properties = {each.name: each.value for each in suite.properties()}
    assert properties["attnspec.verdict"] == "mine does not conform to core"
    assert properties["attnspec.conforms.core"] == "no: weights/b is not claimed"


def test_a_failing_run_has_no_test_that_passes_beside_its_laws(mixed: Any, tmp_path: Path) -> None:
    assert set(parsed(mixed, tmp_path)) == {"mine"}


def test_a_run_that_was_killed_is_a_failure(report: Any, row: Any, tmp_path: Path) -> None:
    text = rendered(Record.of(report([row()], planned=3)), "junit")
    assert text.splitlines()[1].startswith('<testsuites name="attnspec: INCOMPLETE: 1 of 3 results')
    found = results(parsed(report([row()], planned=3), tmp_path)["attnspec"])
    assert list(found) == ["the run is complete"] and found["the run is complete"].message.startswith("INCOMPLETE")


def test_nothing_decided_and_an_old_baseline_are_failures(report: Any, row: Any, tmp_path: Path) -> None:
    found = results(parsed(report([row(verdict="not-claimed")]), tmp_path)["attnspec"])
    assert found["something was decided"].message == "nothing was decided: 1 not-claimed"
    entry = {"law": "weights/a", "implementation": "mine", "reason": "slow path"}
    found = results(parsed(report([row()], baseline=[entry]), tmp_path)["attnspec"])
    assert "now passes" in found["the baseline is up to date"].message
