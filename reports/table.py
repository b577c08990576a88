"""Implementations × chapters: how many laws passed of those that were decided, and how close to its bound the worst came.

A chapter in which nothing was decided has no column, each operation has a table of its own, and what is wider than the terminal
goes on below: a column whose heading is cut says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .schema import Report, Result
from .visible import visible

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["LEGEND", "chapter_tables", "worst_ratio"]

LEGEND = "passed/decided; worst: the largest error of a law that passed, as a share of its bound"

GAP = 2
"""Columns between two columns of a table."""

DECIDED = ("pass", "fail", "error")

Cell = tuple[str, str]
"""Text and style."""

Column = tuple[str, list[Cell]]
"""Heading, and a cell for each implementation."""


def chapter_tables(report: Report, width: int) -> list[list[Text]]:
    """Blocks of lines, each with a line for every implementation of an operation, none wider than can be helped."""
    blocks: list[list[Text]] = []
    for operation in dict.fromkeys(made.operation for made in report.implementations):
        names = [made.name for made in report.implementations if made.operation == operation]
        rows = [row for row in report.results if row.implementation in set(names)]
        blocks += _balanced([visible(name) for name in names], list(_columns(names, rows)), width) if rows else []
    return blocks


def worst_ratio(rows: Sequence[Result]) -> float | None:
    """The largest error / bound among laws that passed; None where nothing was compared within a bound."""
    found = [float(row.worst_ratio) for row in rows if row.worst_ratio is not None and row.verdict == "pass"]
    return max(found, default=None)


def _columns(names: Sequence[str], rows: Sequence[Result]) -> Iterator[Column]:
    """Heading and cells of each chapter in which something was decided, and of the worst ratios."""
    own = {name: [row for row in rows if row.implementation == name] for name in names}
    for chapter in dict.fromkeys(row.chapter for row in rows if row.verdict in DECIDED):
        yield chapter, [_cell([row for row in own[name] if row.chapter == chapter]) for name in names]
    yield "worst", [(_ratio(worst_ratio(own[name])), "") for name in names]


def _balanced(names: Sequence[str], columns: Sequence[Column], width: int) -> list[list[Text]]:
    """As few blocks as the width allows, of about the same width: a last one with a single column looks like an accident."""
    blocks = list(_blocks(names, columns, width))
    while width > 1 and len(closer := list(_blocks(names, columns, width - 1))) == len(blocks):
        blocks, width = closer, width - 1
    return blocks


def _blocks(names: Sequence[str], columns: Sequence[Column], width: int) -> Iterator[list[Text]]:
    """Columns side by side as far as they fit."""
    from rich.text import Text

    label = max(map(len, names))
    block: list[Text] = []
    for heading, cells in columns:
        wide = GAP + max(len(heading), *(len(text) for text, _ in cells))
        if not block or len(block[0]) + wide > width:
            if block:
                yield block
            block = [Text(" " * label), *(Text(f"{name:<{label}}") for name in names)]
        for line, (text, style) in zip(block, [(heading, "bold"), *cells], strict=True):
            line.append(" " * (wide - len(text)))
            line.append(text, style=style)
    yield block


def _cell(rows: Sequence[Result]) -> Cell:
    """One chapter of one implementation."""
    passed = sum(row.verdict == "pass" for row in rows)
    bad = sum(row.verdict in ("fail", "error") for row in rows)
    if not passed + bad:
        return ("–", "dim")
    return (f"{passed}/{passed + bad}", "bold red" if bad else "green")


def _ratio(worst: float | None) -> str:
    return "–" if worst is None else f"{worst:.2f}"
