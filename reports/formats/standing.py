"""How a result stands in a tool that knows passed, failed and skipped only.

A tool turns red exactly where the exit code of the run is 1 or 2. So a must-law that fails is a failure, unless the baseline
expects it; and what is wrong with the run itself is a failing test of its own, because a run that was killed, or in which
nothing was decided, has no failing law. Nothing but a pass looks like a pass: a should-law that does not hold, a known failure,
what is not claimed and what is inconclusive are skipped, each with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cards import card, further_card
from ..causes import Cause, causes
from ..findings import skip_reason
from ..model import outcome
from ..profiles import verdict_line
from ..schema import Report, Result
from ..schema.setting import Implementation

__all__ = ["Check", "Standing", "checks", "source", "standings"]


@dataclass(frozen=True)
class Standing:
    """kind: passed, failed, error or skipped. reason: one line. text: the whole finding, empty where nothing was found."""

    kind: str
    reason: str = ""
    text: str = ""


@dataclass(frozen=True)
class Check:
    """A question about the run itself whose answer is no. trouble: why."""

    name: str
    trouble: str


def standings(report: Report) -> list[Standing]:
    """How each result stands. The first finding of a cause is told in full, the others point to it."""
    own = {id(row): cause for cause in causes(report) for row in cause.rows}
    return [_standing(report, row, own.get(id(row))) for row in report.results]


def _standing(report: Report, row: Result, cause: Cause | None) -> Standing:
    if row.verdict == "pass":
        return Standing("passed")
    if row.verdict not in ("fail", "error"):
        return Standing("skipped", skip_reason(row))
    text, said = "", row.message or row.verdict
    if cause is not None:  # A result that was given up has none.
        text = card(cause, report, folder="") if row is cause.first else further_card(cause, row, report)
        said = f"{cause.fault}: {cause.sentence} {said}" if cause.fault else said
    if row.known:
        return Standing("skipped", f"known failure: {row.known}", text)
    if row.level != "must":
        return Standing("skipped", f"{row.level}-law does not hold: {said}", text)
    return Standing("failed" if row.verdict == "fail" else "error", said, text)


def source(made: Implementation) -> str:
    """The file of an implementation, as it was named on the command line, where tools may point at it; else empty."""
    file = made.address.partition(":")[0]
    return file if file.endswith(".py") else ""


def checks(report: Report) -> list[Check]:
    """What must be true of any run, and is not true of this one."""
    code, sentence = outcome(report)
    problems = report.baseline_problems
    asked = [
        Check("the run is complete", "" if report.complete else verdict_line(report)),
        Check("something was decided", sentence if code == 2 else ""),
        Check("the baseline is up to date", "\n".join(problems)),
    ]
    return [check for check in asked if check.trouble]
