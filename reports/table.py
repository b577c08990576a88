"""Implementations × chapters: how many laws passed of those that were decided, and how close to its bound the worst came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["LEGEND", "chapter_table", "worst_ratio"]

LEGEND = "passed/decided; worst: the largest error of a law that passed, as a share of its bound"


def chapter_table(report: Mapping[str, Any]) -> Table:
    """A rich table with one row for each implementation."""
    from rich.table import Table
    from rich.text import Text

    rows = report["results"]
    chapters = list(dict.fromkeys(row["chapter"] for row in rows))
    table = Table(box=None, pad_edge=False)
    table.add_column("implementation", no_wrap=True)
    for chapter in chapters:
        table.add_column(chapter, justify="right")
    table.add_column("worst", justify="right", no_wrap=True)
    for made in report["implementations"]:
        own = [row for row in rows if row["implementation"] == made["name"]]
        cells = [Text(*_cell([row for row in own if row["chapter"] == chapter])) for chapter in chapters]
        table.add_row(Text(made["name"]), *cells, Text(_ratio(worst_ratio(own))))
    return table


def worst_ratio(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest error / bound among laws that passed; None where nothing was compared within a bound."""
    found = [float(row["worst_ratio"]) for row in rows if row["worst_ratio"] is not None and row["verdict"] == "pass"]
    return max(found, default=None)


def _cell(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Text and style of one chapter of one implementation."""
    passed = sum(row["verdict"] == "pass" for row in rows)
    bad = sum(row["verdict"] in ("fail", "error") for row in rows)
    if not passed + bad:
        return ("–", "dim")
    return (f"{passed}/{passed + bad}", "bold red" if bad else "green")


def _ratio(worst: float | None) -> str:
    return "–" if worst is None else f"{worst:.2f}"
