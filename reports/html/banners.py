"""What is wrong with the run itself: it did not end, it was only a quick run, its baseline is out of date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..schema import Report

__all__ = ["Banner", "banners"]


@dataclass(frozen=True)
class Banner:
    """loud: what nobody must miss. told: more about it. kind: a verdict, for the colour.

    lines: more than can stand open. folded: what stands for them.
    """

    kind: str
    loud: str
    told: str = ""
    folded: str = ""
    lines: Sequence[str] = ()


def banners(report: Report) -> list[Banner]:
    """Empty for most runs."""
    return [*_ended(report), *_baseline(report.baseline_problems)]


def _ended(report: Report) -> Iterator[Banner]:
    if not report.complete:
        told = f"{len(report.results)} of {report.planned} results are here; what is missing was not judged."
        yield Banner("fail", "This run did not end.", told)
        if report.budget.name == "quick":  # else the line on what the run is worth says it
            yield Banner("inconclusive", "quick: not a conformance result.")


def _baseline(problems: Sequence[str]) -> Iterator[Banner]:
    loud = "The baseline is out of date."
    if len(problems) == 1:
        yield Banner("fail", loud, problems[0])
    elif problems:
        yield Banner("fail", loud, folded=f"{len(problems)} problems", lines=problems)
