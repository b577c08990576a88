"""Sections below the grid: conventions, what was measured and remarked, and where the run happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from ..certificates import certificate_lines
from ..summary import accuracy_lines, false_alarm_line
from .markup import code, escape, section, table

__all__ = ["conventions_section", "environment_section", "remarks_section"]

HOW = {
    "declared": "the adapter says so, and the laws of this run held it to that",
    "probed": "a tiny call showed it",
    "assumed": "neither said nor shown: the default of the spec",
}


def conventions_section(report: Mapping[str, Any]) -> str:
    """Implementations × conventions: the choice, and how it is known. Then what each choice means."""
    made = [each for each in report["implementations"] if each["conventions"]]
    if not made:
        return ""
    names = list(dict.fromkeys(name for each in made for name in each["conventions"]))
    rows = [[code(each["name"]), *(_choice(each["conventions"].get(name)) for name in names)] for each in made]
    about = "Where right implementations differ. What is declared was judged, what is probed was seen: verified, not quoted."
    body = table(["", *(name.replace("_", " ") for name in names)], rows, "conventions")
    known = _known()
    meanings = [_meaning(name, known[name]) for name in names if name in known]
    hows = "".join(f'<div><dt><span class="how {how}">{how}</span></dt><dd>{text}</dd></div>' for how, text in HOW.items())
    return section("conventions", "Conventions", f'{body}<dl class="hows">{hows}</dl>{"".join(meanings)}', about)


def _choice(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return '<span class="quiet">–</span>'
    return f'<b>{escape(entry["choice"])}</b><span class="how {escape(entry["how"])}">{escape(entry["how"])}</span>'


def _meaning(name: str, entry: Mapping[str, Any]) -> str:
    choices = "".join(
        f"<div><dt>{escape(choice)}</dt><dd>{escape(text)}</dd></div>" for choice, text in entry["choices"].items()
    )
    title = escape(name.replace("_", " "))
    return f'<details class="meaning"><summary>{title}: {escape(entry["about"])}</summary><dl>{choices}</dl></details>'


def _known() -> dict[str, Any]:
    import yaml

    spec = files("attnspec.spec").joinpath("conventions.yaml")
    known: dict[str, Any] = yaml.safe_load(spec.read_text(encoding="utf-8"))
    return known


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
        "machine": f"{where['machine']}, {where['cpus']} processor{'s' if where['cpus'] != 1 else ''}",
        **where["packages"],
        **({"time": where["time"]} if "time" in where else {}),
    }
    body = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items())
    rows = [_declared(made) for made in report["implementations"]]
    heads = ["", "operation", "arrays", "layout", "dtypes", "options", "claims"]
    return section("environment", "Environment", f'<dl class="facts">{body}</dl>{table(heads, rows, "declared")}')


def _declared(made: Mapping[str, Any]) -> list[str]:
    """The cells of one implementation."""
    lists = (", ".join(made[key]) or "none" for key in ("dtypes", "options", "claims"))
    return [code(made["name"]), *(escape(text) for text in (made["operation"], made["arrays"], made["layout"], *lists))]
