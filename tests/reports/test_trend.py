"""A trend: in the order of time, honest about breaks, and a picture that every reader of SVG takes."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree

import pytest

from attnspec.reports.schema import Report, checked
from attnspec.reports.trend import series, trend_markdown
from attnspec.reports.trend_picture import trend_svg


@pytest.fixture
def reports(report: Any, row: Any) -> dict[str, Any]:
    """Three reports, named against the order of time; the last has a failure, and the middle one is incomplete."""

    def at(time: str, rows: list[Any], **changed: Any) -> dict[str, Any]:
        found = copy.deepcopy(report(rows, **changed))
        found["environment"]["time"] = time
        return found

    two = [row("weights/a", worst_ratio=0.5), row("heads/c", level="should", worst_ratio=None)]
    return {
        "c": at("2026-01-01T00:00:00+00:00", two),
        "a <i>": at("2026-01-03T00:00:00+00:00", [row("weights/a", "fail"), row("weights/b", worst_ratio=0.7)]),
        "b": at("2026-01-02T00:00:00+00:00", two[:1], planned=4),
    }


def trend_of(reports: dict[str, Any]) -> dict[str, Any]:
    return series({name: checked(report, Report, name) for name, report in reports.items()})


def test_runs_stand_in_the_order_of_time(reports: dict[str, Any]) -> None:
    trend = trend_of(reports)
    assert [run["name"] for run in trend["runs"]] == ["c", "b", "a <i>"]
    points = trend["implementations"]["mine"]
    assert [(p["passed"], p["failed"]) for p in points] == [(2, 0), (1, 0), (1, 1)]
    assert [p["worst"] for p in points] == [{"weights": 0.5}, {"weights": 0.5}, {"weights": 0.7}]
    assert trend["notes"] == ["b is INCOMPLETE: 1 of 4 results"]


def test_what_does_not_continue_is_said(reports: dict[str, Any]) -> None:
    reports["b"]["seed"] = 5
    reports["a <i>"]["seed"] = 5
    reports["a <i>"]["budget"] = {"name": "deep", "examples": 400, "costly": 40, "timeout": 1.0}
    changed = [run["changed"] for run in trend_of(reports)["runs"]]
    assert changed == [[], ["seed 0 → 5"], ["budget standard of 50 problems → deep of 400 problems"]]


def test_a_report_without_a_time_stands_first(reports: dict[str, Any]) -> None:
    del reports["a <i>"]["environment"]["time"]
    trend = trend_of(reports)
    assert trend["runs"][0]["name"] == "a <i>" and "a <i> says no time, so it stands first" in trend["notes"]


def test_an_implementation_may_come_later(reports: dict[str, Any]) -> None:
    reports["a <i>"]["implementations"].append({**reports["a <i>"]["implementations"][0], "name": "late"})
    assert trend_of(reports)["implementations"]["late"][:2] == [None, None]
    assert "late" in trend_svg(trend_of(reports))


def test_the_picture(reports: dict[str, Any]) -> None:
    root = ElementTree.fromstring(trend_svg(trend_of(reports)))
    text = " ".join(part.strip() for part in root.itertext())
    assert "results: passed 1, failed 1" in text and "weights: worst 0.7" in text and "a <i>: 1 failed" in text
    names = {element.tag.split("}")[1] for element in root.iter()}
    assert names <= {"svg", "rect", "text", "g", "path", "circle", "title"}
    hollow = [mark for mark in root.iter("{http://www.w3.org/2000/svg}circle") if mark.get("fill") == "#fff"]
    assert len(hollow) == 2, "passed and weights of the incomplete run"


def test_a_line_does_not_go_on_where_runs_asked_something_else(reports: dict[str, Any]) -> None:
    def lines(trend: dict[str, Any]) -> list[str]:
        found = ElementTree.fromstring(trend_svg(trend)).iter("{http://www.w3.org/2000/svg}path")
        return [path.get("d", "") for path in found if path.get("fill") == "none" and path.get("stroke") == "#1b7837"]

    assert [line.count("L") for line in lines(trend_of(reports))] == [2]
    reports["a <i>"]["seed"] = 5
    assert [(line.count("M"), line.count("L")) for line in lines(trend_of(reports))] == [(2, 1)]


def test_one_report_is_a_picture_too(reports: dict[str, Any]) -> None:
    ElementTree.fromstring(trend_svg(trend_of({"c": reports["c"]})))


def test_the_table(reports: dict[str, Any]) -> None:
    lines = trend_markdown(trend_of(reports)).splitlines()
    assert "| b (incomplete) | 2026-01-02T00:00:00+00:00 | 1 | 0 | 0.5 |" in lines
    tables = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in tables}) == 1


HOSTILE = "</h2><script>x</script>[a](javascript:x)|`\x1b[31m\x00\ud800"


def test_names_of_others_are_only_text(reports: dict[str, Any]) -> None:
    trend = trend_of({f"{HOSTILE}{name}": report for name, report in reports.items()})
    trend["implementations"] = {HOSTILE: trend["implementations"]["mine"]}
    said = trend_markdown(trend)
    assert "<" not in said and "](" not in said.replace("\\](", "")
    assert not set(said) & set("\x00\x1b\ud800")
    picture = ElementTree.fromstring(trend_svg(trend))
    assert any("<script>" in (text.text or "") for text in picture.iter())
