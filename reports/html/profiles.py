"""Implementations × profiles, folded: who conforms, and what is missing. A table for each operation leaves no cell empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .markup import code, escape, glyph, section, table

__all__ = ["profiles_section"]


def profiles_section(report: Mapping[str, Any]) -> str:
    """Empty where no profile was tried as a whole, and after a quick run, which certifies none."""
    if not report["verdicts"] or report["budget"]["name"] == "quick":
        return ""
    asked = Counter(entry["profile"] for entry in report["verdicts"])
    yes = Counter(entry["profile"] for entry in report["verdicts"] if entry["conforms"])
    counts = "".join(f'<span class="count"><b>{escape(name)}</b> {yes[name]} of {n}</span>' for name, n in asked.items())
    about = "A profile is conformed to when each of its must-laws was claimed, ran at the standard budget or more, and passed."
    operations = dict.fromkeys(made["operation"] for made in report["implementations"])
    body = "".join(_table(report, operation) for operation in operations)
    return section("profiles", "Profiles", f'<details class="profiles"><summary>{counts}</summary>{body}</details>', about)


def _table(report: Mapping[str, Any], operation: str) -> str:
    made = [each["name"] for each in report["implementations"] if each["operation"] == operation]
    entries = {
        (entry["implementation"], entry["profile"]): entry for entry in report["verdicts"] if entry["implementation"] in made
    }
    profiles = list(dict.fromkeys(profile for _, profile in entries))
    if not profiles:
        return ""
    rows = [[code(name), *(_conforms(entries.get((name, profile))) for profile in profiles)] for name in made]
    return table([operation.replace("_", " "), *profiles], rows)


def _conforms(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return '<span class="quiet">not asked</span>'
    if entry["conforms"]:
        return f'<span class="said pass">{glyph("pass")}conforms</span>'
    return f'<span class="said not-claimed">{glyph("not-claimed")}no</span>{_reasons(entry["reasons"])}'


def _reasons(reasons: Sequence[str]) -> str:
    return f'<span class="reason">{escape("; ".join(reasons))}</span>'
