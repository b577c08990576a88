"""Implementations × profiles, folded: who conforms, and what is missing. A table for each operation leaves no cell empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..schema import Report
from .tables import Row, Table

__all__ = ["Count", "Profiles", "Standing", "profiles_section"]


@dataclass(frozen=True)
class Count:
    """How many conform to a profile, of those that were asked."""

    profile: str
    conforming: int
    asked: int


@dataclass(frozen=True)
class Standing:
    """reasons: why not, in one sentence."""

    conforms: bool
    reasons: str


@dataclass(frozen=True)
class Profiles:
    """A cell of a table is None where the implementation was not asked about the profile."""

    counts: Sequence[Count]
    tables: Sequence[Table[Row[Standing | None]]]


def profiles_section(report: Report) -> Profiles | None:
    """None where no profile was tried as a whole, and after a quick run, which certifies none."""
    if not report.verdicts or report.budget.name == "quick":
        return None
    asked = Counter(entry.profile for entry in report.verdicts)
    yes = Counter(entry.profile for entry in report.verdicts if entry.conforms)
    operations = dict.fromkeys(made.operation for made in report.implementations)
    tables = [_table(report, operation) for operation in operations]
    return Profiles([Count(name, yes[name], n) for name, n in asked.items()], [each for each in tables if each])


def _table(report: Report, operation: str) -> Table[Row[Standing | None]] | None:
    made = [each.name for each in report.implementations if each.operation == operation]
    entries = {
        (entry.implementation, entry.profile): Standing(entry.conforms, "; ".join(entry.reasons))
        for entry in report.verdicts
        if entry.implementation in made
    }
    profiles = list(dict.fromkeys(profile for _, profile in entries))
    if not profiles:
        return None
    rows = [Row(name, [entries.get((name, profile)) for profile in profiles]) for name in made]
    return Table([operation.replace("_", " "), *profiles], rows)
