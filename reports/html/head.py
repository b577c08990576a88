"""What a reader must not miss: the verdict in one line, what it is worth, what is not taken, and what is wrong with the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..causes import causes
from ..decided import decided_lines
from ..model import blocking, headline, outcome
from ..profiles import asked_dtypes, shard_name, verdict_line
from ..wording import counted
from .markup import escape, folded, glyph, names

__all__ = ["Head", "banners", "head"]

LONG = 80
"""Letters of a first line above which it is set smaller."""

FEW = 3
"""Implementations of which a line each stands open at the head."""

REFUSALS = 4
"""Lines about what is not taken that stand open; more are folded."""

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """title: of the window. html: the top of the page."""

    title: str
    html: str


def head(report: Report) -> Head:
    """The verdict, what was decided, what is not taken, and how the run was made."""
    line, why = _verdict(report)
    status, _ = outcome(report)
    verdict = "pass" if status == 0 else "fail" if status == 1 else "inconclusive"
    long = " long" if len(line) > LONG else ""
    quick = report["budget"]["name"] == "quick"
    told = [each for each in headline(report) if not each.startswith("quick:")]
    html = (
        f'<p class="kicker">attnspec report</p><h1 class="{verdict}{long}">{glyph(verdict)}<span>{escape(line)}</span></h1>'
        + (f'<p class="worth">{escape(why[:1].upper() + why[1:])}.</p>' if why else "")
        + _decided(report, "; ".join(told))
        + ("" if verdict_line(report) in line else f'<p class="worth">{escape(_worth(report, quick=quick))}</p>')
        + _refusals(report["implementations"])
        + f'<p class="made">{" · ".join(escape(fact) for fact in _made(report))}</p>'
    )
    return Head(escape(f"{line} · attnspec"), html)


def _verdict(report: Report) -> tuple[str, str]:
    """Who was tried and how it fared, in one line; and what there is to say about it besides, or nothing."""
    made = [each["name"] for each in report["implementations"]]
    who = made[0] if len(made) == 1 else counted(len(made), "implementation")
    if report.get("shard"):
        who += f", shard {shard_name(report['shard'])}"
    sentence, _, why = outcome(report)[1].partition(": ")
    failed = blocking(report)
    if not failed:
        return f"{who}: {sentence}", why
    ids = {id(row) for row in failed}
    found = [cause for cause in causes(report) if any(id(row) in ids for row in cause.rows)]
    laws = len({row["law"] for row in failed})
    if not found:  # nothing but laws that were not run, because the implementation crashed before
        return f"{who}: {sentence}", why
    name = found[0].fault if len(found) == 1 and found[0].fault else counted(len(found), "cause")
    return f"{who}: {name}, {counted(laws, 'must-law')} {_says(failed, one=laws == 1)}", ""


def _says(failed: Sequence[Report], *, one: bool) -> str:
    """What must-laws do that block: fail, or have no answer."""
    words = {"fail": "fails" if one else "fail", "error": "has no answer" if one else "have no answer"}
    verdicts = {row["verdict"] for row in failed}
    return " or ".join(said for verdict, said in words.items() if verdict in verdicts)


def _worth(report: Report, *, quick: bool) -> str:
    """What the run certifies: by name where few were tried, by number elsewhere."""
    if quick and report["complete"] and not report.get("shard"):
        return f"{verdict_line(report)}; --budget standard certifies profiles."
    if not report["verdicts"] or len(report["implementations"]) <= 2:
        line = verdict_line(report)
        return (line if report["verdicts"] else line[:1].upper() + line[1:]) + "."  # A name stays as it is.
    asked = Counter(entry["profile"] for entry in report["verdicts"])
    yes = Counter(entry["profile"] for entry in report["verdicts"] if entry["conforms"])
    return f"Conforming to {', '.join(f'{name}: {yes[name]} of {n}' for name, n in asked.items())}."


def _made(report: Report) -> list[str]:
    budget, suite = report["budget"], report["attnspec"]
    return [
        f"{budget['name']}, {counted(budget['examples'], 'problem')} a law",
        ", ".join(asked_dtypes(report) or ()) or "all dtypes that are declared",
        f"seed {report['seed']}",
        f"attnspec {suite['version']}, spec {suite['spec']}",
    ]


def _decided(report: Report, tally: str) -> str:
    """How many laws were decided of each, where few were tried beside the tally of the run, else folded."""
    lines = decided_lines(report)
    if len(lines) <= FEW:
        alone = [line.partition(": ")[2] if len(lines) == 1 else line for line in lines]
        return f'<p class="tally">{escape("; ".join([*alone, tally]))}</p>'
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<p class="tally">{escape(tally)}</p>' + folded(
        "How much was decided of each implementation", f'<ul class="plain">{items}</ul>', "tally"
    )


def _refusals(implementations: Sequence[Report]) -> str:
    """What the survey saw refused, a line each; empty for reports that have no survey."""
    several = len(implementations) > 1
    found: dict[tuple[str, str], list[str]] = {}
    for made in implementations:
        for each in made.get("refusals") or []:
            found.setdefault((each["sentence"], each.get("words", "")), []).append(made["name"])
    items = []
    for (sentence, words), who in found.items():
        name = f"<b>{escape(names(who))}</b> " if several else ""
        said = f": <code>{escape(words)}</code>" if words else " (declared)"
        items.append(f"<li>{name}{escape(sentence)}{said}</li>")
    if not items:
        return ""
    lines = f'<ul class="refusals">{"".join(items)}</ul>'
    return lines if len(items) <= REFUSALS else folded(f"{len(items)} things that are not taken", lines, "refusals")


def banners(report: Report) -> str:
    """What is wrong with the run itself: it did not end, it was only a quick run, its baseline is out of date."""
    text = ""
    if not report["complete"]:
        told = f"{len(report['results'])} of {report['planned']} results are here; what is missing was not judged."
        text += _banner("fail", "This run did not end.", escape(told))
        if report["budget"]["name"] == "quick":  # else the line on what the run is worth says it
            text += _banner("inconclusive", "quick: not a conformance result.", "")
    problems = report["baseline_problems"]
    if len(problems) == 1:
        text += _banner("fail", "The baseline is out of date.", escape(problems[0]))
    elif problems:
        items = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
        text += _banner(
            "fail", "The baseline is out of date.", folded(f"{len(problems)} problems", f'<ul class="plain">{items}</ul>')
        )
    return text


def _banner(kind: str, loud: str, markup: str) -> str:
    return f'<div class="banner {kind}" role="alert">{glyph(kind)}<div><strong>{escape(loud)}</strong> {markup}</div></div>'
