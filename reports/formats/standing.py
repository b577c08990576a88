"""How a result stands in a tool that knows passed, failed and skipped only.

A tool turns red exactly where the exit code of the run is 1 or 2. So a must-law that fails is a failure, unless the baseline
expects it; and three questions about the run itself are tests of their own, because a run that was killed, or in which nothing
was decided, has no failing law. Nothing but a pass looks like a pass: a should-law that does not hold, a known failure, what
is not claimed and what is inconclusive are skipped, each with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..findings import finding_text, skip_reason
from ..model import outcome
from ..profiles import verdict_line

__all__ = ["Check", "Standing", "checks", "standing"]


@dataclass(frozen=True)
class Standing:
    """kind: passed, failed, error or skipped. reason: one line. text: the whole finding, empty where nothing was found."""

    kind: str
    reason: str = ""
    text: str = ""


@dataclass(frozen=True)
class Check:
    """A question about the run itself. trouble: why the answer is no; empty where it is yes."""

    name: str
    trouble: str


def standing(report: Mapping[str, Any], row: Mapping[str, Any], address: str) -> Standing:
    """How one result stands. address: where its implementation is found again."""
    if row["verdict"] == "pass":
        return Standing("passed")
    if row["verdict"] not in ("fail", "error"):
        return Standing("skipped", skip_reason(row))
    text = finding_text(row, report["laws"][row["law"]], address)
    said = row["message"] or row["verdict"]
    if row.get("known"):
        return Standing("skipped", f"known failure: {row['known']}", text)
    if row["level"] != "must":
        return Standing("skipped", f"{row['level']}-law does not hold: {said}", text)
    return Standing("failed" if row["verdict"] == "fail" else "error", said, text)


def checks(report: Mapping[str, Any]) -> list[Check]:
    """What must be true of any run."""
    code, sentence = outcome(report)
    problems = report["baseline_problems"]
    return [
        Check("the run is complete", "" if report["complete"] else verdict_line(report)),
        Check("something was decided", sentence if code == 2 else ""),
        Check("the baseline is up to date", "\n".join(problems)),
    ]
