"""CTRF, the common test report format (ctrf.io): one JSON that tools of many languages read. Specification 0.1.0, schema of
https://github.com/ctrf-io/ctrf.

A law that is not claimed is skipped. What was run and neither passed nor counts as a failure (an inconclusive law, a
should-law that does not hold, a known failure) is `other`. The kit's own word stands in rawStatus.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from ..model import outcome
from ..profiles import verdict_line
from ..schema import Report, Result
from .standing import Standing, checks, source, standings

__all__ = ["ctrf"]

SPECIFICATION = "0.1.0"
STATUSES = ("passed", "failed", "skipped", "pending", "other")
KINDS = {"passed": "passed", "failed": "failed", "error": "failed"}


def ctrf(report: Report) -> dict[str, Any]:
    """The report as a CTRF document. Times are milliseconds, since 1970 where they are points in time."""
    own = [_check(check.name, check.trouble) for check in checks(report)]
    files = {made.name: source(made) for made in report.implementations}
    stands = zip(report.results, standings(report), strict=True)
    tests = own + [_test(row, files[row.implementation], standing) for row, standing in stands]
    found = Counter(test["status"] for test in tests)
    start, stop = _times(report)
    code, sentence = outcome(report)
    document: dict[str, Any] = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "generatedBy": f"attnspec {report.attnspec.version}",
        "results": {
            "tool": {"name": "attnspec", "version": report.attnspec.version},
            "summary": {
                "tests": len(tests),
                **{status: found[status] for status in STATUSES},
                "suites": len(files) + bool(own),
                "start": start,
                "stop": stop,
            },
            "tests": tests,
            "environment": {
                "reportName": verdict_line(report),
                "osPlatform": report.environment.platform,
                "healthy": code == 0,
                "extra": {"packages": report.environment.packages, "python": report.environment.python},
            },
            "extra": {
                "verdict": verdict_line(report),
                "outcome": sentence,
                "complete": report.complete,
                "conforms": msgspec.to_builtins(report.verdicts),
                "spec": report.attnspec.spec,
                "budget": msgspec.to_builtins(report.budget),
                "seed": report.seed,
            },
        },
    }
    if report.environment.time:
        document["timestamp"] = report.environment.time
    return document


def _check(name: str, trouble: str) -> dict[str, Any]:
    return {"name": name, "status": "failed", "duration": 0, "suite": ["attnspec"], "message": trouble}


def _test(row: Result, file: str, stands: Standing) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": f"{row.law} in {row.dtype}",
        "status": KINDS.get(stands.kind) or ("skipped" if row.verdict == "not-claimed" else "other"),
        "rawStatus": row.verdict,
        "duration": round(1000 * sum(float(spent) for spent in row.seconds.values())),
        "suite": [row.implementation, row.chapter],
        "tags": [row.dtype, row.level],
    }
    if file:
        test["filePath"] = file
    if stands.reason:
        test["message"] = stands.reason
    if stands.text:
        test["trace"] = stands.text
    return test


def _times(report: Report) -> tuple[int, int]:
    """When the run began and ended. Of a run that was cut off the end is the beginning and the time its results took."""
    began = report.environment.time
    start = round(1000 * datetime.fromisoformat(began).timestamp()) if began else 0
    spent = report.seconds
    if spent is UNSET:
        spent = sum(float(part) for row in report.results for part in row.seconds.values())
    return start, start + round(1000 * spent)
