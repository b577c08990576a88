"""Who settles what the spec leaves open, and how: beside each choice stands what the laws of this run say of it.

A table of what adapters say of themselves would be a quotation. A choice is worth a column because a law was held against it,
so the cell leads to that law, and says so where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...spec.operations import conventions as known_conventions
from ..schema import Report
from ..schema.setting import Implementation
from ..wording import counted
from .links import address
from .tables import Row, Table

Spec = Mapping[str, Any]
"""The conventions of all operations, by name."""

__all__ = ["Choice", "Conventions", "Meaning", "conventions_section"]

HOW = {
    "probed": "a tiny call showed it",
    "assumed": "neither said nor shown: the default of the spec",
}
"""How a choice is known where the adapter does not declare it; most do, so that is not repeated in each cell."""

WORST = ("error", "fail", "pass")
"""Verdicts that say something of a choice, the one that weighs most first."""


@dataclass(frozen=True)
class Choice:
    """A cell: what was chosen, and how that is known, which is empty where the adapter declares it.

    told: what laws say of it. verdict, law, address: of the law that weighs most, and of its cell; empty where none tried it.
    """

    name: str
    how: str
    told: str
    verdict: str = ""
    law: str = ""
    address: str = ""


@dataclass(frozen=True)
class Meaning:
    """What a convention is about, and what each choice means."""

    name: str
    about: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Conventions:
    """A cell of a table is None where there is nothing to choose. hows: the ways of knowing that occur, and what they are."""

    tables: Sequence[Table[Row[Choice | None]]]
    hows: Sequence[tuple[str, str]]
    meanings: Sequence[Meaning]


def conventions_section(report: Report) -> Conventions | None:
    """Implementations × conventions: the choice, how it is known, and whether laws hold the implementation to it."""
    spec = known_conventions()
    made = [each for each in report.implementations if any(_asked(each, name, spec) for name in each.conventions)]
    if not made:
        return None
    operations = dict.fromkeys(each.operation for each in made)
    tables = [
        _table(report, operation, [each for each in made if each.operation == operation], spec) for operation in operations
    ]
    shown = {entry.how for each in made for name, entry in each.conventions.items() if _asked(each, name, spec)}
    settled = [name for name in dict.fromkeys(n for each in made for n in each.conventions) if name in spec]
    return Conventions(
        tables,
        [(how, text) for how, text in HOW.items() if how in shown],
        [Meaning(name.replace("_", " "), spec[name]["about"], list(spec[name]["choices"].items())) for name in settled],
    )


def _table(report: Report, operation: str, made: list[Implementation], spec: Spec) -> Table[Row[Choice | None]]:
    """Implementations of one operation × the conventions that there are for it."""
    settled = dict.fromkeys(name for each in made for name in each.conventions if name in spec)
    columns = [name for name in settled if any(_asked(each, name, spec) for each in made)]
    rows = [Row(each.name, [_cell(report, each, name, spec) for name in columns]) for each in made]
    return Table([operation.replace("_", " "), *(name.replace("_", " ") for name in columns)], rows)


def _asked(made: Implementation, name: str, spec: Spec) -> bool:
    """Whether there is something to choose: in this operation, and with the options that the implementation has."""
    entry = spec.get(name, {"operations": [], "needs": []})
    return made.operation in entry["operations"] and (not entry["needs"] or bool({*entry["needs"]} & {*made.options}))


def _cell(report: Report, made: Implementation, name: str, spec: Spec) -> Choice | None:
    entry = made.conventions.get(name)
    if entry is None or not _asked(made, name, spec):
        return None
    laws = spec[name]["laws"].get(entry.choice)
    return _held(report, made.name, laws, entry.choice, "" if entry.how == "declared" else entry.how)


def _held(report: Report, name: str, laws: list[str] | None, choice: str, how: str) -> Choice:
    """A choice that leads to the law that says most of it; what no law says anything of is said to be untried."""
    own = [row for row in report.results if row.implementation == name and row.law in (laws or [])]
    rows = [row for row in own if row.verdict in WORST]
    if not rows:
        return Choice(choice, how, "promises nothing" if laws is None else "no law tried it")
    row = min(rows, key=lambda row: WORST.index(row.verdict))
    tried = len({row.law for row in rows})
    told = {"pass": f"held by {counted(tried, 'law')}", "fail": "fails a law", "error": "has no answer"}[row.verdict]
    return Choice(choice, how, told, row.verdict, row.law, address(row))
