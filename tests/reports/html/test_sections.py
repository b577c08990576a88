"""Sections below the grids have a table for each operation, fold what is long, and leave no cell that nobody asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attnspec.reports.html.capabilities import capabilities_section
from attnspec.reports.html.profiles import profiles_section
from attnspec.reports.html.sections import environment_section, remarks_section
from attnspec.reports.html.templating import written
from attnspec.reports.record import Record

Report = dict[str, Any]
Read = Callable[[str], Any]


def test_profiles_are_folded_and_counted(small: Report, read: Read, making: Any) -> None:
    page = read(written("profiles.html", said=profiles_section(Record.of(small).report)))
    assert ("details", {"class": "profiles"}) in page.elements and "core 1 of 2" in page.text
    assert page.text.index("core 1 of 2") < page.text.index("does not hold")
    assert profiles_section(Record.of(making.nasty("quick")).report) is None


def test_a_profile_stands_only_in_the_table_of_its_operation(small: Report, read: Read) -> None:
    linear = {**small["implementations"][0], "name": "scan", "operation": "linear_attention"}
    small["implementations"].append(linear)
    small["verdicts"].append({"profile": "long", "implementation": "scan", "conforms": True, "reasons": [], "laws": {}})
    page = read(written("profiles.html", said=profiles_section(Record.of(small).report)))
    assert sum(tag == "table" for tag, _ in page.elements) == 2 and "not asked" not in page.text


def test_capabilities_are_a_matrix_for_each_operation(small: Report, read: Read) -> None:
    small["implementations"][0]["options"] = ["causal", "window"]
    page = read(written("capabilities.html", said=capabilities_section(Record.of(small).report)))
    assert "windowyesno" in page.text and "causalyesyes" in page.text and "bfloat16yesno" in page.text
    small["implementations"] = small["implementations"][:1]
    page = read(written("capabilities.html", said=capabilities_section(Record.of(small).report)))
    assert "optionscausal, window" in page.text and not any(tag == "table" for tag, _ in page.elements)


def test_estimates_are_a_table(small: Report, read: Read) -> None:
    row = small["results"][0]
    row |= {"law": "accuracy/scale", "estimate": "scale off by +0.001 % (± 0.023 %)"}
    small["results"].append({**row, "law": "accuracy/gain", "estimate": "gain off by −0.1 % (± 2.2 %)"})
    page = read(written("remarks.html", said=remarks_section(Record.of(small).report)))
    assert "onescale +0.001 % (± 0.023 %)gain −0.1 % (± 2.2 %)" in page.text


def test_what_is_long_is_folded_and_the_same_note_is_said_once(many: Report, read: Read) -> None:
    for made in many["implementations"]:
        made["notes"] = ["interpreted"]
    page = read(written("remarks.html", said=remarks_section(Record.of(many).report)))
    assert page.text.count(": interpreted") == 1 and "backend-0/kernel-0, backend-1/kernel-1" in page.text
    section = environment_section(Record.of(many).report)
    assert "How 20 implementations ran" in read(written("environment.html", said=section)).text
