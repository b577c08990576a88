"""What a reader must not miss: the verdict in one line, what it is worth, what is not taken, and how the run was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..causes import causes
from ..decided import decided_lines
from ..model import blocking, headline, outcome
from ..profiles import asked_dtypes, shard_name, verdict_line
from ..schema import Report, Result
from ..schema.setting import Implementation
from ..wording import counted
from .names import names

__all__ = ["Decided", "Head", "Refusal", "head"]

LONG = 80
"""Letters of a first line above which it is set smaller."""

FEW = 3
"""Implementations of which a line each stands open at the head."""

REFUSALS = 4
"""Lines about what is not taken that stand open; more are folded."""


@dataclass(frozen=True)
class Decided:
    """tally: of the run. lines: how much was decided of each implementation, where that is too much for the tally."""

    tally: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Refusal:
    """What is not taken. who: those who do not; empty where only one was tried. words: of the exception, or empty."""

    who: str
    sentence: str
    words: str


@dataclass(frozen=True)
class Head:
    """title: of the window. line: the verdict, `long` where it is. why, worth: sentences, or empty. made: how the run was made.

    folded: what stands for the refusals until they are asked for; empty where they stand open.
    """

    title: str
    verdict: str
    line: str
    long: bool
    why: str
    decided: Decided
    worth: str
    refusals: Sequence[Refusal]
    folded: str
    made: Sequence[str]


def head(report: Report) -> Head:
    """The verdict, what was decided, what is not taken, and how the run was made."""
    line, why = _verdict(report)
    status, _ = outcome(report)
    quick = report.budget.name == "quick"
    told = [each for each in headline(report) if not each.startswith("quick:")]
    refusals = _refusals(report.implementations)
    return Head(
        title=f"{line} · attnspec",
        verdict="pass" if status == 0 else "fail" if status == 1 else "inconclusive",
        line=line,
        long=len(line) > LONG,
        why=f"{why[:1].upper()}{why[1:]}." if why else "",
        decided=_decided(report, "; ".join(told)),
        worth="" if verdict_line(report) in line else _worth(report, quick=quick),
        refusals=refusals,
        folded=f"{len(refusals)} things that are not taken" if len(refusals) > REFUSALS else "",
        made=_made(report),
    )


def _verdict(report: Report) -> tuple[str, str]:
    """Who was tried and how it fared, in one line; and what there is to say about it besides, or nothing."""
    made = [each.name for each in report.implementations]
    who = made[0] if len(made) == 1 else counted(len(made), "implementation")
    if report.shard:
        who += f", shard {shard_name(report.shard)}"
    sentence, _, why = outcome(report)[1].partition(": ")
    failed = blocking(report)
    if not failed:
        return f"{who}: {sentence}", why
    ids = {id(row) for row in failed}
    found = [cause for cause in causes(report) if any(id(row) in ids for row in cause.rows)]
    laws = len({row.law for row in failed})
    if not found:  # nothing but laws that were not run, because the implementation crashed before
        return f"{who}: {sentence}", why
    name = found[0].fault if len(found) == 1 and found[0].fault else counted(len(found), "cause")
    return f"{who}: {name}, {counted(laws, 'must-law')} {_says(failed, one=laws == 1)}", ""


def _says(failed: Sequence[Result], *, one: bool) -> str:
    """What must-laws do that block: fail, or have no answer."""
    words = {"fail": "fails" if one else "fail", "error": "has no answer" if one else "have no answer"}
    verdicts = {row.verdict for row in failed}
    return " or ".join(said for verdict, said in words.items() if verdict in verdicts)


def _worth(report: Report, *, quick: bool) -> str:
    """What the run certifies: by name where few were tried, by number elsewhere."""
    if quick and report.complete and not report.shard:
        return f"{verdict_line(report)}; --budget standard certifies profiles."
    if not report.verdicts or len(report.implementations) <= 2:
        line = verdict_line(report)
        return (line if report.verdicts else line[:1].upper() + line[1:]) + "."  # A name stays as it is.
    asked = Counter(entry.profile for entry in report.verdicts)
    yes = Counter(entry.profile for entry in report.verdicts if entry.conforms)
    return f"Conforming to {', '.join(f'{name}: {yes[name]} of {n}' for name, n in asked.items())}."


def _made(report: Report) -> list[str]:
    budget, suite = report.budget, report.attnspec
    return [
        f"{budget.name}, {counted(budget.examples, 'problem')} a law",
        ", ".join(asked_dtypes(report) or ()) or "all dtypes that are declared",
        f"seed {report.seed}",
        f"attnspec {suite.version}, spec {suite.spec}",
    ]


def _decided(report: Report, tally: str) -> Decided:
    """How many laws were decided of each, where few were tried beside the tally of the run, else folded."""
    lines = decided_lines(report)
    if len(lines) > FEW:
        return Decided(tally, lines)
    alone = [line.partition(": ")[2] if len(lines) == 1 else line for line in lines]
    return Decided("; ".join([*alone, tally]))


def _refusals(implementations: Sequence[Implementation]) -> list[Refusal]:
    """What the survey saw refused, a line each; empty for reports that have no survey."""
    several = len(implementations) > 1
    found: dict[tuple[str, str], list[str]] = {}
    for made in implementations:
        for each in made.refusals:
            found.setdefault((each.sentence, each.words), []).append(made.name)
    return [Refusal(names(who) if several else "", sentence, words) for (sentence, words), who in found.items()]
