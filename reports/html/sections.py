"""Sections below the grids: what was measured and remarked, and where the run happened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..certificates import certificate_lines
from ..summary import accuracy_lines, false_alarm_line
from ..wording import counted
from .markup import code, escape, facts, folded, section, table

__all__ = ["environment_section", "remarks_section"]

FEW = 4
"""Lines that stand open; more are folded."""

LINE = re.compile(r"^\s*(?P<name>.+) in (?P<dtype>\S+): (?P<found>.*)$")
"""Implementation, dtype and estimates of a line about accuracy."""


def remarks_section(report: Mapping[str, Any]) -> str:
    """How exact scale and gain are, what the passes are worth, and what adapters say of themselves."""
    said: dict[str, list[str]] = {}
    for made in report["implementations"]:
        for note in made["notes"]:
            said.setdefault(note, []).append(made["name"])
    parts = [
        _accuracy(accuracy_lines(report)),
        *_part("What the passes are worth", certificate_lines(report)),
        *_part("Notes", [f"{', '.join(who)}: {note}" for note, who in said.items()]),
        *_part("False alarms", [false_alarm_line(report).removeprefix("false alarms: ")]),
    ]
    return section("remarks", "Accuracy and notes", "".join(parts))


def _accuracy(lines: list[str]) -> str:
    """A line an implementation, a column a dtype."""
    found = [match.groupdict() for match in map(LINE.match, lines) if match]
    if not found:
        return ""
    dtypes = list(dict.fromkeys(each["dtype"] for each in found))
    cells: dict[str, dict[str, str]] = {}
    for each in found:
        cells.setdefault(each["name"], {})[each["dtype"]] = "".join(
            f"<span>{escape(part.replace(' off by', ''))}</span>" for part in each["found"].split(", ")
        )
    rows = [[code(name), *(by.get(dtype, "") for dtype in dtypes)] for name, by in cells.items()]
    body = table(["off by", *dtypes], rows, "estimates")
    about = '<p class="about">How far scale and gain are off, estimated from many outputs, and how sure that is.</p>'
    return f"<h3>Accuracy</h3>{about}{body if len(rows) <= FEW else folded(f'{len(rows)} implementations', body)}"


def _part(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in lines)
        body = f'<ul class="plain">{items}</ul>'
        yield f"<h3>{escape(title)}</h3>{body if len(lines) <= FEW else folded(counted(len(lines), 'line'), body)}"


def environment_section(report: Mapping[str, Any]) -> str:
    """Where the run happened, and how each implementation ran."""
    where = report["environment"]
    machine = {
        "Python": where["python"],
        "platform": where["platform"],
        "machine": f"{where['machine']}, {counted(where['cpus'], 'processor')}",
        **where["packages"],
        **({"time": where["time"]} if "time" in where else {}),
    }
    rows = [
        [code(made["name"]), *(escape(made[key]) for key in ("mode", "device", "arrays", "layout"))]
        for made in report["implementations"]
    ]
    ran = table(["implementation", "mode", "device", "arrays", "layout"], rows)
    ran = ran if len(rows) <= FEW else folded(f"How {len(rows)} implementations ran", ran)
    return section("environment", "Environment", facts(machine) + ran)
