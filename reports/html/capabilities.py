"""What each implementation takes and promises, as a matrix for each operation.

A name in a list is not found; a mark in a column is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ..schema import Report
from ..schema.setting import Implementation
from .tables import Row, Table

__all__ = ["Capabilities", "capabilities_section"]

Taken = Callable[[Implementation], list[str]]

KINDS: dict[str, Taken] = {
    "dtypes": attrgetter("dtypes"),
    "options": attrgetter("options"),
    "promises": attrgetter("claims"),
}
"""Heading of rows → what an implementation has of it."""


@dataclass(frozen=True)
class Capabilities:
    """lists: what one implementation alone takes, by kind. tables: who takes what, where there are several."""

    lists: Sequence[tuple[str, str]]
    tables: Sequence[Table[Row[bool]]]


def capabilities_section(report: Report) -> Capabilities:
    """A table an operation: dtypes, options and promises by implementation. One implementation alone has lists."""
    every = report.implementations
    if len(every) == 1:
        return Capabilities([(title, ", ".join(taken(every[0])) or "none") for title, taken in KINDS.items()], [])
    groups = {
        name: [made for made in every if made.operation == name] for name in dict.fromkeys(made.operation for made in every)
    }
    return Capabilities([], [_matrix(operation, made) for operation, made in groups.items()])


def _matrix(operation: str, made: Sequence[Implementation]) -> Table[Row[bool]]:
    rows: list[Row[bool]] = []
    for title, taken in KINDS.items():
        rows += _rows(title, [taken(each) for each in made])
    return Table([operation.replace("_", " "), *(each.name for each in made)], rows)


def _rows(title: str, had: Sequence[Sequence[str]]) -> Iterator[Row[bool]]:
    """had: what each implementation has."""
    names = list(dict.fromkeys(name for each in had for name in each))
    for n, name in enumerate(names if title == "dtypes" else sorted(names)):
        yield Row(name, [name in each for each in had], kind=title if n == 0 else "")
