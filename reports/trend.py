"""Reports one after the other: how many laws held, and how close to its bound the worst of each chapter came.

A line over runs is honest only where the runs asked the same, so each run says where suite, seed or budget changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from .schema import Report, Result
from .visible import visible

__all__ = ["series", "trend_markdown"]

FORMAT = 1


def series(reports: Mapping[str, Report]) -> dict[str, Any]:
    """The trend, JSON-ready. reports: name → report, in any order.

    runs: name, time, complete, changed (what differs from the run before) of each, by the time in the report's environment;
    a report without a time comes first. implementations: name → one point a run, or null where the run had none of it:
    {passed, failed, undecided, worst: chapter → largest error / bound of a law that passed}. chapters: in the order of laws.
    """
    ordered = sorted(reports.items(), key=lambda found: (found[1].environment.time or "", found[0]))
    runs: list[dict[str, Any]] = []
    before: Report | None = None
    for name, report in ordered:
        runs.append(_run(name, report, before))
        before = report
    names = dict.fromkeys(made.name for _, report in ordered for made in report.implementations)
    chapters = dict.fromkeys(law.chapter for _, report in ordered for law in report.laws.values())
    return {
        "format": FORMAT,
        "runs": runs,
        "chapters": list(chapters),
        "implementations": {name: [_point(report, name) for _, report in ordered] for name in names},
        "notes": [note for run in runs for note in _notes(run)],
    }


def _run(name: str, report: Report, before: Report | None) -> dict[str, Any]:
    changed = []
    asked: dict[str, Callable[[Report], str]] = {
        "suite": lambda r: f"{r.attnspec.version} with spec {r.attnspec.spec[:8]}",
        "seed": lambda r: str(r.seed),
        "budget": lambda r: f"{r.budget.name} of {r.budget.examples} problems",
    }
    for word, of in asked.items():
        if before is not None and of(before) != of(report):
            changed.append(f"{word} {of(before)} → {of(report)}")
    return {
        "name": name,
        "time": report.environment.time or None,
        "complete": report.complete,
        "results": len(report.results),
        "planned": report.planned,
        "changed": changed,
    }


def _notes(run: Mapping[str, Any]) -> list[str]:
    notes = [f"{run['name']}: {change}; what comes after does not continue what stood before" for change in run["changed"]]
    if not run["complete"]:
        notes.append(f"{run['name']} is INCOMPLETE: {run['results']} of {run['planned']} results")
    if run["time"] is None:
        notes.append(f"{run['name']} says no time, so it stands first")
    return notes


def _point(report: Report, name: str) -> dict[str, Any] | None:
    rows = [row for row in report.results if row.implementation == name]
    if not any(made.name == name for made in report.implementations):
        return None
    found = Counter(row.verdict for row in rows)
    worst = {chapter: _worst(rows, chapter) for chapter in dict.fromkeys(row.chapter for row in rows)}
    return {
        "passed": found["pass"],
        "failed": found["fail"] + found["error"],
        "undecided": found["inconclusive"] + found["not-claimed"],
        "worst": {chapter: ratio for chapter, ratio in worst.items() if ratio is not None},
    }


def _worst(rows: Sequence[Result], chapter: str) -> float | None:
    """The largest error / bound among laws of a chapter that passed; None where nothing was compared within a bound."""
    passed = [row.worst_ratio for row in rows if row.chapter == chapter and row.verdict == "pass"]
    return max((float(ratio) for ratio in passed if ratio is not None), default=None)


def trend_markdown(trend: Mapping[str, Any]) -> str:
    """A table for each implementation, a line a run."""
    lines = ["# Trend", "", *(f"- {_cell(note)}" for note in trend["notes"]), *([""] if trend["notes"] else [])]
    for name, points in trend["implementations"].items():
        chapters = [chapter for chapter in trend["chapters"] if any(point and chapter in point["worst"] for point in points)]
        lines += [f"## {_cell(name)}", "", "Results that passed and failed, and the largest error / bound of a chapter.", ""]
        lines += [
            "| " + " | ".join(["run", "time", "passed", "failed", *map(_cell, chapters)]) + " |",
            "|---" * (4 + len(chapters)) + "|",
        ]
        for run, point in zip(trend["runs"], points, strict=True):
            cells = [_cell(run["name"]) + ("" if run["complete"] else " (incomplete)"), _cell(run["time"] or "–")]
            if point is None:
                cells += ["–"] * (2 + len(chapters))
            else:
                cells += [str(point["passed"]), str(point["failed"])]
                cells += [f"{point['worst'][c]:.2g}" if c in point["worst"] else "–" for c in chapters]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text of others in Markdown: no HTML, no link, no further cell or line."""
    return re.sub(r"([\\\\`\[\]|])", r"\\\1", escape(visible(text), quote=False)).replace("\n", " ")
