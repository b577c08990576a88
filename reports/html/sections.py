"""Sections below the grid: what was measured and remarked, and where the run happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..certificates import certificate_lines
from ..summary import accuracy_lines, false_alarm_line
from ..wording import counted
from .markup import code, escape, section, table

__all__ = ["environment_section", "remarks_section"]


def remarks_section(report: Mapping[str, Any]) -> str:
    """How exact scale and gain are, what the passes are worth, and what adapters say of themselves."""
    notes = [f"{made['name']}: {note}" for made in report["implementations"] for note in made["notes"]]
    parts = [
        *_part("Accuracy", accuracy_lines(report)),
        *_part("What the passes are worth", certificate_lines(report)),
        *_part("Notes", notes),
        *_part("False alarms", [false_alarm_line(report).removeprefix("false alarms: ")]),
    ]
    return section("remarks", "Accuracy and notes", "".join(parts))


def _part(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in lines)
        yield f'<h3>{escape(title)}</h3><ul class="plain">{items}</ul>'


def environment_section(report: Mapping[str, Any]) -> str:
    """Where the run happened, and what it ran."""
    where = report["environment"]
    facts = {
        "Python": where["python"],
        "platform": where["platform"],
        "machine": f"{where['machine']}, {counted(where['cpus'], 'processor')}",
        **where["packages"],
        **({"time": where["time"]} if "time" in where else {}),
    }
    body = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items())
    rows = [_declared(made) for made in report["implementations"]]
    heads = ["implementation", "operation", "mode", "device", "arrays", "layout", "dtypes", "options", "claims"]
    return section("environment", "Environment", f'<dl class="facts">{body}</dl>{table(heads, rows, "declared")}')


def _declared(made: Mapping[str, Any]) -> list[str]:
    """The cells of one implementation."""
    lists = (", ".join(made[key]) or "none" for key in ("dtypes", "options", "claims"))
    texts = [made[key] for key in ("operation", "mode", "device", "arrays", "layout")]
    return [code(made["name"]), *(escape(text) for text in (*texts, *lists))]
