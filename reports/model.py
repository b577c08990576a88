"""The report: what was tried, where, and what was found. Its types are in schema/report.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from .baseline import baseline_problems, expectation, failing, known
from .causes import causes
from .decided import too_little
from .environment import environment, spec_hash
from .profiles import profile_verdicts, shard_name, verdict_line
from .record import Record
from .schema import FORMAT, SCHEMA, Report, Result
from .wording import counted

__all__ = [
    "blocking",
    "build_report",
    "concluded",
    "counts",
    "headline",
    "outcome",
    "report_head",
    "with_conventions",
]


def build_report(
    rows: Sequence[Mapping[str, Any]],
    *,
    plan: Mapping[str, Any],
    planned: int,
    conventions: Mapping[str, Mapping[str, Any]],
    baseline: Sequence[dict[str, Any]] = (),
    shard: Mapping[str, int] | None = None,
) -> Record:
    """The report of a run.

    rows: results as dictionaries. The rest is as for `report_head`.
    """
    return concluded(report_head(plan=plan, planned=planned, conventions=conventions, baseline=baseline, shard=shard), rows)


def report_head(
    *,
    plan: Mapping[str, Any],
    planned: int,
    conventions: Mapping[str, Mapping[str, Any]] | None = None,
    baseline: Sequence[dict[str, Any]] = (),
    shard: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """What is known of a report before there is a result.

    plan: budget, standard_examples, standard_costly, seed, false_alarms, dtype, implementations, laws, all_laws, profiles.
    planned: how many results a complete run has. conventions: implementation → convention → {choice, how}.
    baseline: entries of known failures. shard: number, of, and how many results the whole run has.
    """
    head: dict[str, Any] = {
        "format": FORMAT,
        "attnspec": spec_hash(),
        "environment": environment(),
        **plan,
        "planned": planned,
        "baseline": [dict(entry) for entry in baseline],
    }
    if shard is not None:
        head["shard"] = dict(shard)
    return with_conventions(head, conventions or {})


def with_conventions(head: Mapping[str, Any], conventions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The head with what is known by now of how implementations settle conventions."""
    made = [{**each, "conventions": conventions.get(each["name"], {})} for each in head["implementations"]]
    return {**head, "implementations": made}


def concluded(head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], seconds: float | None = None) -> Record:
    """The report of a head and the results that came. It is complete where as many came as were planned.

    rows: results as dictionaries. seconds: from the beginning of the run, where that is known. Raises SchemaError.
    """
    data: dict[str, Any] = {
        "$schema": SCHEMA,
        "verdict": "",
        **head,
        **({} if seconds is None else {"seconds": round(seconds, 3)}),
        "complete": len(rows) == head["planned"],
        "results": [dict(row) for row in rows],
        "verdicts": [],
        "baseline_problems": [],
    }
    record = Record.of(data)
    _mark(record)
    report = record.report
    report.verdicts = profile_verdicts(report)
    report.verdict = verdict_line(report)
    report.baseline_problems = baseline_problems(report)
    report.causes = [cause.written() for cause in causes(report)]
    found = ("verdict", "verdicts", "baseline_problems", "causes")
    data |= {name: msgspec.to_builtins(getattr(report, name)) for name in found}
    return record


def counts(rows: Sequence[Result]) -> Counter[str]:
    """Verdict → how many results have it."""
    return Counter(row.verdict for row in rows)


def blocking(report: Report) -> list[Result]:
    """Results of must-laws that failed or could not be had, and that no baseline expects."""
    return [row for row in report.results if row.level == "must" and failing(row) and row.known is UNSET]


def outcome(report: Report) -> tuple[int, str]:
    """The exit code of a run, and the sentence that explains it.

    0: every claimed must-law holds. 1: one does not, or the run or its baseline is broken. 2: nothing was decided.
    A shard that is empty because there are more shards than results is no failure; whether anything was decided at all is
    said of the merged report.
    """
    found = counts(report.results)
    shard = report.shard
    if shard and not report.planned and shard.whole:
        others = f"the {counted(shard.whole, 'result')} of this run fall to other shards"
        return 0, f"shard {shard_name(shard)} is empty: {others}"
    if not (found["pass"] or found["fail"] or found["error"]):
        reason = "no law gave a result" if not found else ", ".join(f"{n} {verdict}" for verdict, n in found.items())
        return 2, f"nothing was decided: {reason}"
    little = too_little(report)
    failed = blocking(report)
    if failed:
        names = len({row.law for row in failed})
        return 1, f"{counted(names, 'must-law')} failed or had no answer"
    if little:
        return 1, f"too little was decided: {'; '.join(little)}"
    if report.baseline_problems:
        return 1, "the baseline is out of date"
    if not report.complete:
        return 1, f"the run is not complete: {len(report.results)} of {report.planned} results"
    return 0, f"every claimed must-law{' of this shard' if shard else ''} holds"


def headline(report: Report) -> list[str]:
    """One or two lines: what was decided, and how much that is worth."""
    found = counts(report.results)
    tally = ", ".join(
        f"{found[verdict]} {verdict}" for verdict in ("pass", "fail", "error", "inconclusive", "not-claimed") if found[verdict]
    )
    laws, names = len(report.laws), len(report.implementations)
    subject = f"{counted(laws, 'law')}, {counted(names, 'implementation')}"
    lines = [f"{subject}: {tally or 'no results'}"]
    if report.budget.name == "quick":
        lines.append("quick: not a conformance result")
    return lines


def _mark(record: Record) -> None:
    """Write the baseline's reason beside each failure that it expects."""
    for plain, row in zip(record.data["results"], record.report.results, strict=True):
        entry = known(record.report.baseline, row)
        if entry is not None and failing(row):
            plain["known"] = row.known = expectation(entry)
