"""A cause as a card says it: what came, where, why it has this name, how to see it again, and which laws it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..causes import Cause
from ..diagnosis import evidence
from ..findings import replay_command
from ..schema import Report, Result
from ..schema.diagnosis import Mistake
from ..wording import counted
from .links import Link, address, linked, links
from .names import names

__all__ = ["LINES", "Broken", "Card", "Case", "card"]

LINES = 24
"""Laws that are listed in a card; the grid has all."""


@dataclass(frozen=True)
class Case:
    """The smallest case. told: names and texts about it. links: where it was seen before. replay: a command, or empty."""

    found: str
    told: Sequence[tuple[str, str]]
    links: Sequence[Link]
    replay: str


@dataclass(frozen=True)
class Broken:
    """A law on an implementation. rows: the numbers of its results. told: what the head of the card does not say of it."""

    rows: Sequence[int]
    address: str
    verdict: str
    law: str
    told: str


@dataclass(frozen=True)
class Card:
    """rows: the numbers of the results that it explains. fault: whether the name is that of a known mistake.

    known: the baseline's reason, in parts. picture: the number of the result whose picture it shows, or None; mask: the same in
    letters. more: how many laws are not listed.
    """

    verdict: str
    rows: Sequence[int]
    opened: bool
    name: str
    fault: bool
    known: Sequence[Link]
    sentence: str
    breaks: str
    case: Case
    picture: int | None
    mask: str
    laws: Sequence[Broken]
    more: int


def card(cause: Cause, report: Report, places: Mapping[int, int], *, opened: bool) -> Card:
    """places: the id of a result → its number in the report."""
    laws = list(_laws(cause, places))
    return Card(
        verdict="known" if cause.known else cause.first.verdict,
        rows=[places[id(row)] for row in cause.rows],
        opened=opened,
        name=cause.name if cause.fault else cause.name[:1].upper() + cause.name[1:],
        fault=bool(cause.fault),
        known=linked(cause.known),
        sentence=cause.sentence,
        breaks=_breaks(cause),
        case=_case(cause, report),
        picture=places[id(cause.first)] if cause.mask or cause.diagnosis.pictures else None,
        mask="\n".join(cause.mask),
        laws=laws[:LINES],
        more=max(0, len(laws) - LINES),
    )


def _breaks(cause: Cause) -> str:
    level = "" if cause.level == "must" else f" ({cause.level})"
    return f"{counted(len(cause.laws), 'law')}{level} · {names(cause.implementations)} · {', '.join(cause.dtypes)}"


def _case(cause: Cause, report: Report) -> Case:
    row, law = cause.first, report.laws[cause.first.law]
    replay = ""
    if row.case:
        made = next(each for each in report.implementations if each.name == row.implementation)
        replay = replay_command(row.case, law, made.address)
    return Case(row.message or row.verdict, list(_told(cause)), links(cause.links), replay)


def _told(cause: Cause) -> Iterator[tuple[str, str]]:
    if cause.worst_found:
        yield "before shrinking", cause.worst_found.message
    if cause.where:
        yield "where", "; ".join(cause.where)
    if cause.diagnosis.ranked:
        named = _named(cause)
        said = evidence(cause.diagnosis.how, named)
        yield ("why this name", said) if cause.fault else ("looks like", f"{named.fault}: {said}")
    if cause.diagnosis.arithmetic:
        yield "rounding", cause.diagnosis.arithmetic.sentence
    if cause.also:
        yield "equally likely", ", ".join(cause.also)


def _named(cause: Cause) -> Mistake:
    ranked = cause.diagnosis.ranked
    return next((entry for entry in ranked if entry.fault == cause.fault), ranked[0])


def _laws(cause: Cause, places: Mapping[int, int]) -> Iterator[Broken]:
    """One for each law and implementation, the dtypes together."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for row in cause.rows:
        groups.setdefault((row.law, row.implementation), []).append(row)
    for rows in groups.values():
        row = rows[0]
        told: list[str] = [row.level] if row.level != cause.level else []
        told += [row.implementation] if len(cause.implementations) > 1 else []
        told += dict.fromkeys(each.dtype for each in rows) if len(cause.dtypes) > 1 else []
        verdict = "known" if row.known else row.verdict
        yield Broken([places[id(each)] for each in rows], address(row), verdict, row.law, ", ".join(told))
