"""A finding in words: which law, on what, the smallest case, what was seen, and how to see it again."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["NOT_RUN", "finding_text", "findings", "given_up", "replay_command", "skip_reason"]

EVIDENCE = 12


NOT_RUN = "not run: "
"""How the message of a result starts that was given up because its implementation kept crashing."""


def findings(report: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Results that failed or could not be had, grouped by law, implementation and verdict (so by dtype); must-laws first."""
    order = {"must": 0, "should": 1, "may": 2}
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in report["results"]:
        if row["verdict"] in ("fail", "error") and not row["message"].startswith(NOT_RUN):
            groups.setdefault((row["law"], row["implementation"], row["verdict"]), []).append(row)
    return sorted(groups.values(), key=lambda rows: order[rows[0]["level"]])


def given_up(report: Mapping[str, Any]) -> dict[str, int]:
    """Why results were not tried to be had → how many."""
    return Counter(row["message"] for row in report["results"] if row["message"].startswith(NOT_RUN))


def finding_text(row: Mapping[str, Any], law: Mapping[str, Any], address: str, also: Sequence[str] = ()) -> str:
    """Several lines about one result.

    law: as described in a report. address: where the implementation is found again. also: dtypes with the same verdict.
    """
    verb = "does not hold" if row["verdict"] == "fail" else "has no answer"
    level = "" if row["level"] == "must" else f" ({row['level']})"
    lines = [
        f"{row['law']}{level} {verb} for {row['implementation']} in {' and '.join([row['dtype'], *also])}",
        f"  law       {law['statement']}",
        f"  equation  {law['equation']}" + (f"   where {law['where']}" if law.get("where") else ""),
        f"  found     {row['message'] or row['verdict']}",
    ]
    if row.get("case"):
        lines.append(f"  case      {row['case']}")
    lines += [f"            {line}" for line in row.get("details", [])[:EVIDENCE]]
    if row.get("known"):
        lines.append(f"  known     {row['known']}")
    if row.get("case"):
        lines.append(f"  replay    {replay_command(row['case'], law, address)}")
    return "\n".join(lines)


def replay_command(case: str, law: Mapping[str, Any], address: str) -> str:
    """The command that runs one case again."""
    extra = "" if law.get("shipped", True) else f" --laws-file {shlex.quote(law['file'])}"
    return f"attnspec replay {shlex.quote(case)} {shlex.quote(address)}{extra}"


def skip_reason(row: Mapping[str, Any]) -> str:
    """Why a law was not decided: `not-claimed: takes no option window (12 problems)`."""
    reasons = "; ".join(
        f"{reason} ({count} problem{'s' if count != 1 else ''})" for reason, count in row.get("reasons", {}).items()
    )
    return f"{row['verdict']}: {row['message'] or reasons or 'no reason given'}"
