"""Who settles what the spec leaves open, and how: beside each choice stands what the laws of this run say of it.

A table of what adapters say of themselves would be a quotation. A choice is worth a column because a law was held against it,
so the cell leads to that law, and says so where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...spec.operations import conventions as known_conventions
from ..wording import counted
from .markup import address, code, escape, folded, glyph, section, table

__all__ = ["conventions_section"]

Report = Mapping[str, Any]

HOW = {
    "probed": "a tiny call showed it",
    "assumed": "neither said nor shown: the default of the spec",
}
"""How a choice is known where the adapter does not declare it; most do, so that is not repeated in each cell."""

WORST = ("error", "fail", "pass")
"""Verdicts that say something of a choice, the one that weighs most first."""


def conventions_section(report: Report) -> str:
    """Implementations × conventions: the choice, how it is known, and whether laws hold the implementation to it."""
    spec = known_conventions()
    made = [each for each in report["implementations"] if any(_asked(each, name, spec) for name in each["conventions"])]
    if not made:
        return ""
    operations = dict.fromkeys(each["operation"] for each in made)
    tables = "".join(
        _table(report, operation, [each for each in made if each["operation"] == operation], spec) for operation in operations
    )
    about = (
        "Where right implementations differ. Each was judged by the laws to which its cell leads: verified, not quoted. "
        "A choice is declared by the adapter unless it says otherwise."
    )
    shown = {entry["how"] for each in made for name, entry in each["conventions"].items() if _asked(each, name, spec)}
    hows = "".join(f'<div><dt class="how {how}">{how}</dt><dd>{text}</dd></div>' for how, text in HOW.items() if how in shown)
    meanings = "".join(
        _meaning(name, spec[name]) for name in dict.fromkeys(n for each in made for n in each["conventions"]) if name in spec
    )
    legend = f'<dl class="hows">{hows}</dl>' if hows else ""
    return section("conventions", "Conventions", tables + legend + folded("What the choices mean", meanings), about)


def _table(report: Report, operation: str, made: list[Report], spec: Report) -> str:
    """Implementations of one operation × the conventions that there are for it."""
    settled = dict.fromkeys(name for each in made for name in each["conventions"] if name in spec)
    columns = [name for name in settled if any(_asked(each, name, spec) for each in made)]
    rows = [[code(each["name"]), *(_cell(report, each, name, spec) for name in columns)] for each in made]
    return table([operation.replace("_", " "), *(name.replace("_", " ") for name in columns)], rows, "conventions")


def _asked(made: Report, name: str, spec: Report) -> bool:
    """Whether there is something to choose: in this operation, and with the options that the implementation has."""
    entry = spec.get(name, {"operations": [], "needs": []})
    return made["operation"] in entry["operations"] and (not entry["needs"] or bool({*entry["needs"]} & {*made["options"]}))


def _cell(report: Report, made: Report, name: str, spec: Report) -> str:
    entry = made["conventions"].get(name)
    if entry is None or not _asked(made, name, spec):
        return '<span class="quiet">–</span>'
    laws = spec[name]["laws"].get(entry["choice"])
    how = "" if entry["how"] == "declared" else f' <small class="how {escape(entry["how"])}">{escape(entry["how"])}</small>'
    return _held(report, made["name"], laws, entry["choice"], how)


def _held(report: Report, name: str, laws: list[str] | None, choice: str, how: str) -> str:
    """A choice as a link to the law that says most of it; what no law says anything of is said to be untried."""
    own = [row for row in report["results"] if row["implementation"] == name and row["law"] in (laws or [])]
    rows = [row for row in own if row["verdict"] in WORST]
    if not rows:
        untried = "promises nothing" if laws is None else "no law tried it"
        return f'<span class="held untried">{escape(choice)}</span>{how} <small>{untried}</small>'
    row = min(rows, key=lambda row: WORST.index(row["verdict"]))
    verdict, tried = row["verdict"], len({row["law"] for row in rows})
    words = {"pass": f"held by {counted(tried, 'law')}", "fail": "fails a law", "error": "has no answer"}[verdict]
    said = f'<span class="unseen">, {words}</span>' if verdict == "pass" else f" <small>{words}</small>"
    link = f'<a class="held {verdict}" href="{escape(address(row))}" title="{escape(words)}: {escape(row["law"])}">'
    return f"{link}{glyph(verdict)}{escape(choice)}</a>{how}{said}"


def _meaning(name: str, entry: Mapping[str, Any]) -> str:
    choices = "".join(
        f"<div><dt>{escape(choice)}</dt><dd>{escape(text)}</dd></div>" for choice, text in entry["choices"].items()
    )
    title = escape(name.replace("_", " "))
    return f'<details class="meaning"><summary>{title}: {escape(entry["about"])}</summary><dl>{choices}</dl></details>'
