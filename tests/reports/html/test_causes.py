"""Causes lead into the grids; each card and line says which results it is about, so that filters reach it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from attnspec.reports.html.cards import LINES
from attnspec.reports.html.causes import CARDS, causes_section
from attnspec.reports.html.templating import written
from attnspec.reports.record import Record

pytestmark = pytest.mark.long

Report = dict[str, Any]
Read = Callable[[str], Any]


def section(report: Report) -> str:
    """The section of causes."""
    return written("causes.html", said=causes_section(Record.of(report).report))


def rows(html: str) -> list[list[int]]:
    """The numbers of results that cards and lines carry, in their order."""
    return [[int(number) for number in found.split(",")] for found in re.findall(r'data-rows="([^"]*)"', html)]


def test_causes_lead_into_the_grids_known_ones_last_and_folded(small: Report, read: Read) -> None:
    html = section(small)
    links = [href for href in read(html).attributes("href") if href.startswith("#cell=")]
    assert links == ["#cell=weights/a@one", "#cell=weights/b@one", "#cell=weights/b@two%20%3C2%3E"]
    assert html.index("causal-off-by-one") < html.index("no such shape") < html.index('<details class="expected">')
    assert "1 cause that the baseline expects" in read(html).text.split("two <2>")[0]


def test_cards_and_lines_carry_the_numbers_of_their_results(small: Report) -> None:
    assert rows(section(small)) == [[1], [1], [2], [2], [5], [5]]
    assert small["results"][1]["verdict"] == "fail" and small["results"][2]["verdict"] == "error"


def test_a_card_says_the_case_once_with_its_replay(small: Report, read: Read) -> None:
    text = read(section(small)).text
    assert text.count("attnspec replay 'weights/a?dtype=bfloat16") == 1
    assert "Each query sees one key of its future." in text and "rows from which a key is hidden" in text
    assert "example.org/issues/103" in text


def test_a_known_failure_keeps_its_reason_as_a_name_and_says_what_it_looks_like(small: Report, read: Read, making: Any) -> None:
    assert read(section(small)).text.count("why this name") == 1
    small["results"][5]["diagnosis"] = making.DIAGNOSIS
    text = read(section(small)).text
    assert text.count("why this name") == 1 and "looks likecausal-off-by-one: " in text


def test_the_worst_before_shrinking_stands_beside_the_smallest_case(small: Report, read: Read, making: Any) -> None:
    small["results"][1]["worst_found"] = {"message": f"off by 300 {making.NASTY}", "case": "weights/a?b=2"}
    assert f"before shrinkingoff by 300 {making.NASTY}" in read(section(small)).text


def test_the_arithmetic_under_which_it_holds_is_said(small: Report, read: Read, making: Any) -> None:
    sentence = "holds under half-naive, 0.91 of its bound"
    rounding = {"model": "half-naive", "ratio": 0.91, "sentence": sentence}
    small["results"][1]["diagnosis"] = {**making.DIAGNOSIS, "arithmetic": rounding}
    assert f"rounding{sentence}" in read(section(small)).text


def test_what_others_wrote_never_becomes_markup(small: Report, read: Read, making: Any) -> None:
    small["results"][1]["diagnosis"] = {
        **making.DIAGNOSIS,
        "where": [making.NASTY],
        "mask": [making.NASTY],
        "ranked": [{**making.MISTAKE, "fault": making.NASTY, "title": making.NASTY}],
    }
    html = section(small)
    page = read(html)
    assert page.text.count(making.NASTY) >= 6 and not page.scripts and "<b>bold" not in html
    assert "javascript:" not in "".join(page.attributes("href"))
    assert {tag for tag, _ in page.elements} <= {
        "section", "h2", "ol", "ul", "li", "details", "summary", "i", "div", "h3", "p", "code", "dl", "dt", "dd", "span", "a",
        "pre", "button", "small",
    }  # fmt: skip


def test_the_first_cause_is_open_unless_it_is_of_a_should_law(small: Report) -> None:
    html = section(small)
    assert html.count("<details open>") == 1 and html.index("<details open>") < html.index("causal-off-by-one")
    for row in small["results"]:
        row["level"] = "should"
    assert "<details open>" not in section(small)


def test_a_cause_of_many_laws_lists_the_first(many: Report, read: Read) -> None:
    html = section(many)
    failures = sum(row["verdict"] == "fail" for row in many["results"])
    assert html.count('class="laws"') == 1 and html.count("<li data-rows") == LINES
    assert len(rows(html)[0]) == failures and "more in the grid." in read(html).text


def test_a_page_of_very_many_causes_says_how_many_it_leaves_out(making: Any, read: Read) -> None:
    laws = {f"weights/law-{'x' * n}": making.law(f"weights/law-{'x' * n}") for n in range(1, CARDS + 3)}
    found = [
        making.row("one", name, "float32", "error", message=f"raised ValueError: {'x' * n}") for n, name in enumerate(laws, 1)
    ]
    plan = making.plan([making.made("one", ["float32"])], laws)
    report = making.build_report(found, plan=plan, planned=len(found), conventions={})
    assert "2 further causes, in the grid." in read(section(report)).text
