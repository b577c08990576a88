"""What each implementation takes and promises, as a matrix for each operation.

A name in a list is not found; a mark in a column is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .markup import code, escape, facts, glyph, section, table

__all__ = ["capabilities_section"]

Made = Mapping[str, Any]

KINDS = {"dtypes": "dtypes", "options": "options", "claims": "promises"}
"""Key of an implementation in the report → heading of the rows."""


def capabilities_section(report: Mapping[str, Any]) -> str:
    """A table an operation: dtypes, options and promises by implementation. One implementation alone has lists."""
    about = "As the adapters declare it; laws that need what is missing are not claimed."
    every = report["implementations"]
    if len(every) == 1:
        return section("capabilities", "Capabilities", _lists(every[0]), about)
    groups = {
        name: [made for made in every if made["operation"] == name]
        for name in dict.fromkeys(made["operation"] for made in every)
    }
    tables = "".join(_matrix(operation, made) for operation, made in groups.items())
    return section("capabilities", "Capabilities", f'<div class="matrices">{tables}</div>', about)


def _lists(made: Made) -> str:
    return facts({title: ", ".join(made[key]) or "none" for key, title in KINDS.items()})


def _matrix(operation: str, made: Sequence[Made]) -> str:
    rows: list[list[str]] = []
    for key, title in KINDS.items():
        rows += _rows(key, title, made)
    return table([operation.replace("_", " "), *(each["name"] for each in made)], rows, "matrix")


def _rows(key: str, title: str, made: Sequence[Made]) -> Iterator[list[str]]:
    names = list(dict.fromkeys(name for each in made for name in each[key]))
    for n, name in enumerate(names if key == "dtypes" else sorted(names)):
        kind = f"<small>{escape(title)}</small>" if n == 0 else ""
        yield [f"{kind}{code(name)}", *(_mark(has=name in each[key]) for each in made)]


def _mark(*, has: bool) -> str:
    return f'{glyph("pass")}<span class="unseen">yes</span>' if has else '<span class="unseen">no</span>'
