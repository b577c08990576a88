"""The first lines of the page: the verdict, what it is worth, and what the implementation does not take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from attnspec.reports.html.head import head
from attnspec.reports.html.templating import written
from attnspec.reports.record import Record

pytestmark = pytest.mark.long

Report = dict[str, Any]
Read = Callable[[str], Any]


def html(report: Report) -> str:
    """The top of the page."""
    return written("head.html", said=head(Record.of(report).report))


def title(report: Report) -> str:
    """The text of the first line."""
    found = re.search(r"<h1[^>]*>.*?<span>(.*?)</span></h1>", html(report))
    assert found is not None
    return found[1]


def test_the_first_line_says_how_many_causes_and_laws(small: Report) -> None:
    assert title(small) == "2 implementations: 2 causes, 2 must-laws fail or have no answer"
    assert head(Record.of(small).report).title == "2 implementations: 2 causes, 2 must-laws fail or have no answer · attnspec"
    assert '<h1 class="fail">' in html(small)


def test_one_cause_with_a_name_is_named(small: Report) -> None:
    small["implementations"] = small["implementations"][:1]
    small["results"] = small["results"][:2]
    assert title(small) == "one: causal-off-by-one, 1 must-law fails"
    small["results"][1]["diagnosis"] = {}
    assert title(small) == "one: 1 cause, 1 must-law fails"


def test_known_failures_and_should_laws_do_not_decide(small: Report) -> None:
    small["results"] = small["results"][4:]
    assert title(small) == "2 implementations: every claimed must-law holds"
    assert '<h1 class="pass">' in html(small)
    small["results"] = small["results"][2:]
    assert title(small) == "2 implementations: nothing was decided" and "1 not-claimed." in html(small)
    assert '<h1 class="inconclusive">' in html(small)


def test_what_the_run_certifies_stands_below(small: Report, read: Read, making: Any) -> None:
    assert "two <2> conforms to core; one does not conform to core." in read(html(small)).text
    quick = read(html(making.nasty("quick"))).text
    assert "not a conformance result" in quick and "conforms" not in quick
    entry = small["verdicts"][0]
    small["implementations"].append({**small["implementations"][0], "name": "three"})
    small["verdicts"].append({**entry, "implementation": "three", "conforms": True})
    assert "Conforming to core: 2 of 3." in read(html(small)).text


def test_the_first_line_is_short_where_many_were_tried(many: Report) -> None:
    line = title(many)
    assert line.startswith("20 implementations: causal-off-by-one, ") and len(line) < 80


def test_how_much_was_decided_is_told_of_each(small: Report, many: Report, read: Read) -> None:
    assert "one: decided 1 of 2 laws; two <2>: decided 2 of 3 laws; 3 laws, 2 implementations: 2 pass" in read(html(small)).text
    small["implementations"], small["results"] = small["implementations"][:1], small["results"][:4]
    assert '<p class="tally">decided ' in html(small)
    page = read(html(many))
    assert page.text.count("decided") == 21 and any(tag == "details" for tag, _ in page.elements)


def test_what_is_not_taken_is_told_once_for_all_that_refuse_it(small: Report, read: Read, making: Any) -> None:
    refusal = {"sentence": "does not take grouped heads (Hq ≠ Hkv)", "words": f"ValueError: {making.NASTY}"}
    assert "does not take" not in html(small)
    for made in small["implementations"]:
        made["refusals"] = [refusal]
    text = html(small)
    page = read(text)
    assert page.text.count("does not take grouped heads (Hq ≠ Hkv)") == 1 and making.NASTY in page.text
    assert "one and two <2> does" in page.text and "<b>bold" not in text and "details" not in text
    small["implementations"][0]["refusals"] = [{**refusal, "words": ""}]
    assert "does not take grouped heads (Hq ≠ Hkv) (declared)" in read(html(small)).text
    small["implementations"][0]["refusals"] = [{**refusal, "sentence": f"does not take {n}"} for n in range(7)]
    assert "8 things that are not taken" in html(small)
