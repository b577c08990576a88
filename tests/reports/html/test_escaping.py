"""No text of a report becomes markup.

Each text is given an element, and the end of an attribute, wherever it occurs; then the page is searched for what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from attnspec.reports.html import html_page, templating
from attnspec.reports.record import Record

pytestmark = pytest.mark.long

Report = dict[str, Any]
Read = Callable[[str], Any]

EVIL = """<script>alert(1)</script>'"><img src=x onerror=alert(1)>"""

FORMAT = {
    *("pass", "fail", "error", "inconclusive", "not-claimed", "must"),
    *("fe0000000000000000", "7f7f00000000000000", "ff7f00000000000000"),
}
"""What the format of reports allows no other texts for: with them there is no page. Names of fields come to these."""

TEXTS = {
    "an implementation": "two <2>",
    "a law": "weights/b",
    "a dtype": "bfloat16",
    "an operation": "attention",
    "a kernel's message": "raised RuntimeError: no such shape",
    "what it refuses": "does not take grouped heads",
    "what it said then": "ValueError: no such heads",
    "a note": "note 1",
    "an option": "causal",
    "a problem of the baseline": "another matches nothing",
    "a message before shrinking": "off by 300",
    "where it is wrong": "rows from which a key is hidden, all of them",
    "a known mistake": "causal-off-by-one",
    "its title": "Each query sees one key of its future.",
    "another mistake": "causal-late",
    "a link": "https://example.org/issues/103",
    "an arithmetic": "holds under half-naive, 0.91 of its bound",
    "a choice": "zeros",
    "how it is known": "probed",
    "a profile": "core",
    "a mode": "eager",
    "a mistake in the matrix": "of-my-own",
    "a law in the matrix": "weights/first",
}
"""One text of each kind. It is shown where it stands, not only kept in the data of the scripts."""


def texts(part: Any) -> Iterator[str]:
    """Every text in some data, keys too."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, msgspec.Struct):
        yield from texts([getattr(part, name) for name in part.__struct_fields__])
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from texts(each)


def fields(part: Any) -> set[str]:
    """Whatever is a key."""
    if isinstance(part, msgspec.Struct):
        return fields([getattr(part, name) for name in part.__struct_fields__])
    if isinstance(part, dict):
        return {*part}.union(*map(fields, part.values()))
    return set().union(*map(fields, part)) if isinstance(part, list | tuple) else set()


def poisoned(part: Any, text: str) -> Any:
    """The same data with what is evil behind each occurrence of a text, also where types would not let it in."""
    if isinstance(part, str):
        return part + EVIL if part == text else part
    if isinstance(part, msgspec.Struct):
        return type(part)(**{name: poisoned(getattr(part, name), text) for name in part.__struct_fields__})
    if isinstance(part, dict):
        return {poisoned(key, text): poisoned(value, text) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [poisoned(each, text) for each in part]
    return part


def intruders(page: Any) -> list[str]:
    """What no page of the kit has: a third script, an image, an attribute that runs something or leads astray."""
    found = [tag for tag, _ in page.elements if tag == "img"] + page.scripts[2:]
    found += [name for _, given in page.elements for name in given if name.startswith("on") or name == "src"]
    return found + [href for href in page.attributes("href") if not href.startswith(("#", "https://", "http://"))]


@pytest.fixture
def told(making: Any) -> Report:
    """A report that says something in every section, and a kill matrix."""
    report = making.everything()
    return {"report": Record.of(report).report, "kills": making.kills(report)}


@pytest.fixture
def page_of(told: Report, read: Read) -> Callable[[str], Any]:
    """The page of these, with one of their texts poisoned."""

    def make(text: str) -> Any:
        evil = poisoned(told, text)
        return read(html_page(evil["report"], kills=evil["kills"]))

    return make


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_a_section_shows_is_shown_as_it_was_said(page_of: Callable[[str], Any], text: str) -> None:
    page = page_of(text)
    assert EVIL in page.text and not intruders(page)


def test_no_text_of_a_report_becomes_markup(told: Report, page_of: Callable[[str], Any]) -> None:
    refused = set()
    for text in {*texts(told)}:
        try:
            assert not intruders(page_of(text)), text
        except (KeyError, ValueError, StopIteration):
            refused.add(text)
    assert refused - fields(told) == FORMAT - fields(told)


def test_a_page_that_escapes_nothing_is_found(page_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    careless = templating.environment().overlay(autoescape=False)
    monkeypatch.setattr(templating, "environment", lambda: careless)
    assert not [kind for kind, text in TEXTS.items() if not intruders(page_of(text))]
