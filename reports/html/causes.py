"""What went wrong, by cause: a card each, the worst first, the first ones open. What a reader opens the report for.

Each card and each line in it carries the numbers of its results, so that the filter of the page leaves only what fits.
All of it stands as text without scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..causes import causes
from ..findings import given_up
from ..schema import Report
from ..wording import counted
from .cards import Card, card

__all__ = ["CARDS", "Causes", "causes_section"]

OPEN = 1
"""Cards that are open: the first screen shows what the worst is and, in a line each, what else there is."""

CARDS = 100
"""Cards on the page; a run with more causes than that is looked into by the grid."""


@dataclass(frozen=True)
class Causes:
    """none: a sentence where nothing failed, else empty. new: those that no baseline expects. rest: what has no card.

    known: those that the baseline expects. expected: what stands for them: somebody has looked at them, and they do not decide.
    """

    none: str
    new: Sequence[Card] = ()
    known: Sequence[Card] = ()
    expected: str = ""
    rest: Sequence[str] = ()


def causes_section(report: Report) -> Causes:
    """The section; where nothing failed, one sentence."""
    found, lost = causes(report), given_up(report)
    if not found and not lost:
        return Causes(_nothing(report))
    told = [f"{counted(len(found) - CARDS, 'further cause')}, in the grid."] if len(found) > CARDS else []
    told += [f"{counted(n, 'result')} {why}" for why, n in lost.items()]
    places = {id(row): n for n, row in enumerate(report.results)}
    new, known = ([cause for cause in found[:CARDS] if bool(cause.known) == expected] for expected in (False, True))
    return Causes(
        none="",
        new=[card(cause, report, places, opened=n < OPEN and cause.level == "must") for n, cause in enumerate(new)],
        known=[card(cause, report, places, opened=False) for cause in known],
        expected=f"{counted(len(known), 'cause')} that the baseline expects, with the reasons",
        rest=told,
    )


def _nothing(report: Report) -> str:
    if not report.results:
        return "No result came, so nothing was found."
    if not report.complete:
        return "Among the results that came no law failed, and none was left without an answer."
    return "No law failed, and none was left without an answer."
