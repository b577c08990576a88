"""Only a badge that is deserved says `conforms`, and its words say what its colour says."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from attnspec.reports.formats import UnknownProfile, rendered
from attnspec.reports.formats.badge import GREEN, badge
from attnspec.reports.record import Record


def said(report: dict[str, Any]) -> tuple[str, bool]:
    made = badge(Record.of(report).report, "core")
    return made.message, made.colour == GREEN


def two(row: Any, **changed: Any) -> list[Any]:
    return [row("weights/a", **changed), row("weights/b", **changed)]


def test_conforming_is_green(report: Any, row: Any) -> None:
    assert said(report(two(row))) == ("conforms", True)


@pytest.mark.parametrize("verdict", ["fail", "error", "inconclusive", "not-claimed"])
def test_anything_else_is_not(report: Any, row: Any, verdict: str) -> None:
    assert said(report([row("weights/a"), row("weights/b", verdict)])) == ("does not conform", False)


def test_what_was_not_tried_whole_is_not_green(report: Any, row: Any, plan: dict[str, Any]) -> None:
    assert said(report(two(row), planned=3)) == ("INCOMPLETE: 2 of 3", False)
    assert said(report(two(row), shard={"number": 1, "of": 2, "whole": 4})) == ("shard 1/2 alone", False)
    plan["budget"]["name"] = "quick"
    assert said(report(two(row))) == ("quick run", False)
    assert said(report([row("weights/a"), row("weights/b", "fail")])) == ("does not conform", False)
    del plan["laws"]["weights/b"]
    assert said(report([row("weights/a")])) == ("not tried", False)


def test_of_several_all_must_conform(report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["implementations"].append({**plan["implementations"][0], "name": "other"})
    rows = [*two(row), *two(row, implementation="other")]
    assert said(report(rows)) == ("all 2 conform", True)
    rows[-1]["verdict"] = "fail"
    assert said(report(rows)) == ("1 of 2 conform", False)
    rows[0]["verdict"] = "fail"
    assert said(report(rows)) == ("none of 2 conforms", False)


def test_the_picture_is_an_image_that_says_it_in_words(report: Any, row: Any) -> None:
    root = ElementTree.fromstring(rendered(Record.of(report(two(row))), "badge", suffix=".svg"))
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg" and root.get("aria-label") == "attnspec core: conforms"
    assert root.findtext(f"{space}title") == "mine conforms to core"
    assert [text.text for text in root.iter(f"{space}text")] == ["attnspec core", "conforms"]
    halves = [float(rect.get("width", 0)) for rect in root.iter(f"{space}rect")][1:]
    assert sum(halves) == float(root.get("width", 0))


def test_the_endpoint_is_what_shields_io_reads(report: Any, row: Any) -> None:
    made = json.loads(rendered(Record.of(report(two(row))), "badge", suffix=".json"))
    assert made == {
        "schemaVersion": 1, "label": "attnspec core", "message": "conforms", "color": "brightgreen", "isError": False
    }  # fmt: skip


def test_an_unknown_profile_is_named(report: Any, row: Any) -> None:
    with pytest.raises(UnknownProfile, match="unknown profile 'cor'; the report knows core"):
        rendered(Record.of(report([row()])), "badge", profile="cor")
