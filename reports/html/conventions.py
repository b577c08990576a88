"""Who settles what the spec leaves open, and how: beside each choice stands what the laws of this run say of it.

A table of what adapters say of themselves would be a quotation. A choice is worth a column because a law was held against it,
so the cell leads to that law, and says so where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ..wording import counted
from .findings import address
from .markup import code, escape, glyph, section, table

__all__ = ["conventions_section"]

Report = Mapping[str, Any]

HOW = {
    "declared": "the adapter says so",
    "probed": "a tiny call showed it",
    "assumed": "neither said nor shown: the default of the spec",
}

WORST = ("error", "fail", "pass")
"""Verdicts that say something of a choice, the one that weighs most first."""


def conventions_section(report: Report) -> str:
    """Implementations × conventions: the choice, how it is known, and whether laws hold the implementation to it."""
    spec = _spec()
    made = [each for each in report["implementations"] if any(_asked(each, name, spec) for name in each["conventions"])]
    if not made:
        return ""
    names = [name for name in dict.fromkeys(n for each in made for n in each["conventions"]) if name in spec]
    rows = [[code(each["name"]), *(_cell(report, each, name, spec) for name in names)] for each in made]
    about = "Where right implementations differ. Each was judged by the laws to which its cell leads: verified, not quoted."
    body = table(["implementation", *(name.replace("_", " ") for name in names)], rows, "conventions")
    meanings = "".join(_meaning(name, spec[name]) for name in names)
    hows = "".join(f'<div><dt><span class="how {how}">{how}</span></dt><dd>{text}</dd></div>' for how, text in HOW.items())
    return section("conventions", "Conventions", f'{body}<dl class="hows">{hows}</dl>{meanings}', about)


def _asked(made: Report, name: str, spec: Report) -> bool:
    """Whether there is something to choose: in this operation, and with the options that the implementation has."""
    entry = spec.get(name, {"operations": [], "needs": []})
    return made["operation"] in entry["operations"] and (not entry["needs"] or bool({*entry["needs"]} & {*made["options"]}))


def _cell(report: Report, made: Report, name: str, spec: Report) -> str:
    entry = made["conventions"].get(name)
    if entry is None or not _asked(made, name, spec):
        return '<span class="quiet">–</span>'
    how = f'<span class="how {escape(entry["how"])}">{escape(entry["how"])}</span>'
    laws = spec[name]["laws"].get(entry["choice"])
    said = '<span class="held">promises nothing</span>' if laws is None else _held(report, made["name"], laws)
    return f"<b>{escape(entry['choice'])}</b>{how}{said}"


def _held(report: Report, name: str, laws: list[str]) -> str:
    """Whether the laws about a choice hold: a link to the one that says most."""
    own = [row for row in report["results"] if row["implementation"] == name and row["law"] in laws]
    rows = [row for row in own if row["verdict"] in WORST]
    if not rows:
        return '<span class="held">no law tried it</span>'
    row = min(rows, key=lambda row: WORST.index(row["verdict"]))
    verdict, tried = row["verdict"], len({row["law"] for row in rows})
    words = {"pass": f"held by {counted(tried, 'law')}", "fail": "fails a law", "error": "has no answer"}
    link = f'<a class="held {verdict}" href="{escape(address(row))}" title="{escape(row["law"])}">'
    return f"{link}{glyph(verdict)}{words[verdict]}</a>"


def _meaning(name: str, entry: Mapping[str, Any]) -> str:
    choices = "".join(
        f"<div><dt>{escape(choice)}</dt><dd>{escape(text)}</dd></div>" for choice, text in entry["choices"].items()
    )
    title = escape(name.replace("_", " "))
    return f'<details class="meaning"><summary>{title}: {escape(entry["about"])}</summary><dl>{choices}</dl></details>'


def _spec() -> dict[str, Any]:
    import yaml

    spec = files("attnspec.spec").joinpath("conventions.yaml")
    known: dict[str, Any] = yaml.safe_load(spec.read_text(encoding="utf-8"))
    return known
