"""What a reader must not miss: whether the run decides anything, what it certifies, and what is wrong with the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model import headline, outcome
from ..profiles import asked_dtypes, verdict_line
from .markup import code, escape, glyph, section, table

__all__ = ["Head", "banners", "head", "profiles_section"]

LONG = 160
"""Letters of a first line above which it is set smaller."""


@dataclass(frozen=True)
class Head:
    """title: of the window. html: the top of the page."""

    title: str
    html: str


def head(report: Mapping[str, Any]) -> Head:
    """The first line, what was decided, and how the run was made."""
    line = verdict_line(report)
    status, sentence = outcome(report)
    budget, suite = report["budget"], report["attnspec"]
    facts = {
        "budget": f"{budget['name']}, {budget['examples']} problems a law",
        "dtypes": ", ".join(asked_dtypes(report) or ()) or "all that are declared",
        "seed": str(report["seed"]),
        "attnspec": f"{suite['version']}, spec {suite['spec']}",
    }
    made = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items())
    verdict = "pass" if status == 0 else "fail" if status == 1 else "inconclusive"
    long = ' class="long"' if len(line) > LONG else ""
    html = (
        f'<p class="kicker">attnspec report</p><h1{long}>{escape(line)}</h1>'
        f'<p class="outcome">{glyph(verdict)}<span>{escape(sentence[:1].upper() + sentence[1:])}.</span></p>'
        f'<p class="tally">{escape(headline(report)[0])}</p><dl class="facts">{made}</dl>'
    )
    return Head(escape(f"{line} · attnspec"), html)


def banners(report: Mapping[str, Any]) -> str:
    """What is wrong with the run itself: it did not end, it was a quick one besides, its baseline is out of date."""
    text = ""
    if not report["complete"]:
        told = f"{len(report['results'])} of {report['planned']} results are here; what is missing was not judged."
        text += _banner("fail", "This run did not end.", escape(told))
        if report["budget"]["name"] == "quick":  # else the first line says it
            text += _banner("inconclusive", "quick: not a conformance result.", "")
    problems = report["baseline_problems"]
    if len(problems) == 1:
        text += _banner("fail", "The baseline is out of date.", escape(problems[0]))
    elif problems:
        items = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
        folded = f'<details><summary>{len(problems)} problems</summary><ul class="plain">{items}</ul></details>'
        text += _banner("fail", "The baseline is out of date.", folded)
    return text


def _banner(kind: str, loud: str, markup: str) -> str:
    return f'<div class="banner {kind}" role="alert">{glyph(kind)}<div><strong>{escape(loud)}</strong> {markup}</div></div>'


def profiles_section(report: Mapping[str, Any]) -> str:
    """Implementations × profiles: conforms or not, and what is missing. Empty where no profile was tried as a whole."""
    entries = {(entry["implementation"], entry["profile"]): entry for entry in report["verdicts"]}
    if not entries:
        return ""
    if report["budget"]["name"] == "quick":
        told = "A quick run certifies no profile; <code>--budget standard</code> does."
        return f'<section id="profiles"><p class="about">{told}</p></section>'
    profiles = list(dict.fromkeys(profile for _, profile in entries))
    rows = [
        [code(name), *(_conforms(entries.get((name, profile))) for profile in profiles)]
        for name in dict.fromkeys(name for name, _ in entries)
    ]
    about = "A profile is conformed to when each of its must-laws was claimed, ran at the standard budget or more, and passed."
    return section("profiles", "Profiles", table(["implementation", *profiles], rows), about)


def _conforms(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return '<span class="quiet">not asked</span>'
    if entry["conforms"]:
        return f'<span class="said pass">{glyph("pass")}conforms</span>'
    reasons = "; ".join(entry["reasons"])
    return f'<span class="said not-claimed">{glyph("not-claimed")}no</span><span class="reason">{escape(reasons)}</span>'
