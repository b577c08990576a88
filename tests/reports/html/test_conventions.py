"""The table of conventions tells what was judged from what was only said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.html.conventions import conventions_section
from attnspec.reports.html.templating import written
from attnspec.reports.record import Record
from attnspec.spec.operations import conventions

Report = dict[str, Any]
SPEC = Path(__file__).resolve().parents[3] / "spec"
CORNER, AFTER = "causal/corner-for-unequal-lengths", "causal/more-queries-than-keys"


@pytest.fixture
def section(making: Any, read: Callable[[str], Any]) -> Callable[..., Any]:
    """The section of a report in which a causal kernel settles causal_alignment, and laws about it have some verdicts."""

    def make(*verdicts: str, choice: str = "top-left", how: str = "declared", name: str = "causal_alignment") -> Any:
        laws = {law: making.law(law) for law in (CORNER, AFTER, "weights/a")}
        rows = [making.row("one", law, "float32", verdict) for law, verdict in zip((CORNER, AFTER), verdicts, strict=False)]
        report = making.build_report(
            rows,
            plan=making.plan([making.made("one", ["float32"])], laws),
            planned=len(rows),
            conventions={"one": {name: making.how(choice, how)}},
        )
        return read(written("conventions.html", said=conventions_section(Record.of(report).report)))

    return make


def test_a_choice_that_laws_held_leads_to_one_of_them(section: Any) -> None:
    page = section("pass", "pass")
    assert "top-left, held by 2 laws" in page.text and "verified, not quoted" in page.text
    assert page.attributes("href") == [f"#cell={CORNER}@one"]


@pytest.mark.parametrize(
    ("verdicts", "said", "law"),
    [
        (("pass", "fail"), "top-left probed fails a law", AFTER),
        (("error", "fail"), "top-left probed has no answer", CORNER),
        (("not-claimed", "pass"), "top-left probed, held by 1 law", AFTER),
    ],
)
def test_the_worst_verdict_is_told(section: Any, verdicts: tuple[str, str], said: str, law: str) -> None:
    page = section(*verdicts, how="probed")
    assert said in page.text and page.attributes("href") == [f"#cell={law}@one"]


def test_that_an_adapter_declares_it_is_not_repeated_in_each_cell(section: Any) -> None:
    said = section("pass").text
    assert said.count("declared") == 1 and "declared by the adapter unless it says otherwise" in said
    assert "a tiny call showed it" not in said and "a tiny call showed it" in section("pass", how="probed").text


def test_what_no_law_tried_is_not_called_held(section: Any) -> None:
    assert "no law tried it" in section().text
    assert "no law tried it" in section("not-claimed", "inconclusive").text
    page = section(choice="propagates", how="assumed", name="hidden_nan")
    assert "propagates assumed promises nothing" in page.text and not page.attributes("href")


def test_where_there_is_nothing_to_choose_nothing_is_said(section: Any, making: Any, read: Any) -> None:
    report: Report = making.build_report([], plan=making.plan([making.made("one", ["float32"])], {}), planned=0, conventions={})
    [made] = report["implementations"]
    made |= {"options": [], "conventions": {"causal_alignment": making.how("top-left", "assumed")}}
    assert conventions_section(Record.of(report).report) is None
    made["conventions"]["hidden_nan"] = making.how("propagates", "assumed")
    text = read(written("conventions.html", said=conventions_section(Record.of(report).report))).text
    assert "top-left" not in text.split("What the choices mean")[0] and "propagates" in text
    made["operation"] = "linear_attention"
    assert conventions_section(Record.of(report).report) is None


def test_each_convention_names_laws_that_there_are_for_choices_that_there_are() -> None:
    from attnspec.conformance.language import load_laws

    laws = {law.id: law for law in load_laws()}
    for name, entry in conventions().items():
        assert set(entry["laws"]) <= set(entry["choices"]), name
        for choice, ids in entry["laws"].items():
            assert {laws[law].operation for law in ids} == set(entry["operations"]), (name, choice)
            assert all(laws[law].given.get("conventions", {}).get(name) in (None, choice) for law in ids), (name, choice)
