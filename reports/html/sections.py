"""Sections below the grids: what was measured and remarked, and where the run happened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from ..certificates import certificate_lines
from ..schema import Report
from ..summary import accuracy_lines, false_alarm_line
from ..wording import counted
from .tables import Row, Table

__all__ = ["Environment", "Part", "Remarks", "environment_section", "remarks_section"]

FEW = 4
"""Lines that stand open; more are folded."""

LINE = re.compile(r"^\s*(?P<name>.+) in (?P<dtype>\S+): (?P<found>.*)$")
"""Implementation, dtype and estimates of a line about accuracy."""


@dataclass(frozen=True)
class Part:
    """Lines with a title. folded: what stands for them until they are asked for; empty where they stand open."""

    title: str
    lines: Sequence[str]
    folded: str


@dataclass(frozen=True)
class Remarks:
    """accuracy: a cell holds estimates; None where nothing was estimated. folded: as of a part."""

    accuracy: Table[Row[Sequence[str]]] | None
    folded: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Environment:
    """machine: names and what they are. ran: how each implementation ran. folded: as of a part."""

    machine: Sequence[tuple[str, str]]
    ran: Table[Row[str]]
    folded: str


def remarks_section(report: Report) -> Remarks:
    """How exact scale and gain are, what the passes are worth, and what adapters say of themselves."""
    said: dict[str, list[str]] = {}
    for made in report.implementations:
        for note in made.notes:
            said.setdefault(note, []).append(made.name)
    accuracy = _accuracy(accuracy_lines(report))
    parts = [
        *_part("What the passes are worth", certificate_lines(report)),
        *_part("Notes", [f"{', '.join(who)}: {note}" for note, who in said.items()]),
        *_part("False alarms", [false_alarm_line(report).removeprefix("false alarms: ")]),
    ]
    many = accuracy is not None and len(accuracy.rows) > FEW
    return Remarks(accuracy, f"{len(accuracy.rows)} implementations" if accuracy and many else "", parts)


def _accuracy(lines: list[str]) -> Table[Row[Sequence[str]]] | None:
    """A line an implementation, a column a dtype."""
    found = [match.groupdict() for match in map(LINE.match, lines) if match]
    if not found:
        return None
    dtypes = list(dict.fromkeys(each["dtype"] for each in found))
    cells: dict[str, dict[str, list[str]]] = {}
    for each in found:
        estimates = [part.replace(" off by", "") for part in each["found"].split(", ")]
        cells.setdefault(each["name"], {})[each["dtype"]] = estimates
    return Table(["off by", *dtypes], [Row(name, [by.get(dtype, []) for dtype in dtypes]) for name, by in cells.items()])


def _part(title: str, lines: list[str]) -> Iterator[Part]:
    if lines:
        yield Part(title, [line.strip() for line in lines], "" if len(lines) <= FEW else counted(len(lines), "line"))


def environment_section(report: Report) -> Environment:
    """Where the run happened, and how each implementation ran."""
    where = report.environment
    machine = {
        "Python": where.python,
        "platform": where.platform,
        "machine": f"{where.machine}, {counted(where.cpus, 'processor')}",
        **where.packages,
        **({"time": where.time} if where.time is not UNSET else {}),
    }
    heads = ("mode", "device", "arrays", "layout")
    rows = [Row(made.name, [getattr(made, name) for name in heads]) for made in report.implementations]
    folded = "" if len(rows) <= FEW else f"How {len(rows)} implementations ran"
    return Environment(list(machine.items()), Table(["implementation", *heads], rows), folded)
