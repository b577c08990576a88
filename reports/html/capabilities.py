"""What each implementation takes and promises, as a matrix for each operation.

A name in a list is not found; a mark in a column is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .tables import Row, Table

__all__ = ["Capabilities", "capabilities_section"]

Made = Mapping[str, Any]

KINDS = {"dtypes": "dtypes", "options": "options", "claims": "promises"}
"""Key of an implementation in the report → heading of the rows."""


@dataclass(frozen=True)
class Capabilities:
    """lists: what one implementation alone takes, by kind. tables: who takes what, where there are several."""

    lists: Sequence[tuple[str, str]]
    tables: Sequence[Table[Row[bool]]]


def capabilities_section(report: Mapping[str, Any]) -> Capabilities:
    """A table an operation: dtypes, options and promises by implementation. One implementation alone has lists."""
    every = report["implementations"]
    if len(every) == 1:
        return Capabilities([(title, ", ".join(every[0][key]) or "none") for key, title in KINDS.items()], [])
    groups = {
        name: [made for made in every if made["operation"] == name]
        for name in dict.fromkeys(made["operation"] for made in every)
    }
    return Capabilities([], [_matrix(operation, made) for operation, made in groups.items()])


def _matrix(operation: str, made: Sequence[Made]) -> Table[Row[bool]]:
    rows: list[Row[bool]] = []
    for key, title in KINDS.items():
        rows += _rows(key, title, made)
    return Table([operation.replace("_", " "), *(each["name"] for each in made)], rows)


def _rows(key: str, title: str, made: Sequence[Made]) -> Iterator[Row[bool]]:
    names = list(dict.fromkeys(name for each in made for name in each[key]))
    for n, name in enumerate(names if key == "dtypes" else sorted(names)):
        yield Row(name, [name in each[key] for each in made], kind=title if n == 0 else "")
