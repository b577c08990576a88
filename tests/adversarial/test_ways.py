"""Every way to be green without being right is rejected, or said to be beyond reach, on the page too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import attnspec
from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.explained import verify
from attnspec.conformance.selection import Target, make_plan

from .ways import WAYS, Way, right

pytestmark = pytest.mark.long

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trust.md"
LATELY: list[str] = []
"""Laws that rejected a way, the last first: they are tried first on the next. The verdict does not depend on the order."""

MANY = 12
"""Laws, those that reject most, to which a way that is beyond reach is held."""


def made(way: Way) -> Implementation:
    terms = {"dtypes": ["float32"], "conventions": {"causal_alignment": "top-left"}} | way.declared
    return implementation_of(way.make(), name=way.name, **terms)


def findings(implementation: Implementation, most: int | None = None, budget: str = "quick") -> Iterator[str]:
    """Must-laws of a run that reject, those that rejected something lately first."""
    plan = make_plan([Target("kernel.py", implementation)], budget=budget)
    cases = [case for case in plan.cases() if case.law.level == "must"]
    cases.sort(key=lambda case: LATELY.index(case.law.id) if case.law.id in LATELY else len(LATELY))
    for case in cases[:most]:
        result = verify(implementation, case.law, case.dtype, budget=budget, shrink=False)
        if result.verdict in ("fail", "error"):
            with contextlib.suppress(ValueError):
                LATELY.remove(case.law.id)
            LATELY.insert(0, case.law.id)
            yield f"{case.law.id}: {result.message} {result.case}"


def test_what_is_right_is_not_rejected() -> None:
    assert not list(findings(implementation_of(right, dtypes=["float32"], conventions={"causal_alignment": "top-left"})))


REJECTED = [name for name, way in WAYS.items() if not way.beyond]
UNDECIDED = (
    pytest.param("an exponential that may be anything", marks=pytest.mark.study),
    pytest.param("small numbers may vanish", marks=pytest.mark.study),
    pytest.param("sums may be anything", marks=pytest.mark.study),
    "takes nothing",
    "supports nothing",
)
"""Ways on which no must-law fails, and of which too little is decided."""

BY_ITSELF = {name if isinstance(name, str) else name.values[0] for name in UNDECIDED}


@pytest.mark.parametrize("name", [name for name in REJECTED if name not in BY_ITSELF])
def test_it_is_rejected(name: str) -> None:
    """In a quick run, or else in a standard one."""
    assert next(findings(made(WAYS[name])), None) or next(findings(made(WAYS[name]), budget="standard"), None), f"{name} lives"


@pytest.mark.parametrize("name", UNDECIDED)
def test_too_little_is_decided_of_it(name: str) -> None:
    report = attnspec.check(made(WAYS[name]))
    assert not report.ok, str(report)


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.beyond])
def test_it_is_beyond_reach_as_is_said(name: str) -> None:
    assert not list(findings(made(WAYS[name]), MANY))


def test_there_are_forty_and_the_page_names_each() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(WAYS) >= 40
    for name, way in WAYS.items():
        assert f"| {name} | {way.about}" in page, name
        assert not way.beyond or way.beyond in page, name
