"""A finding in words: which law, on what, the smallest case, what was seen, and how to see it again."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .diagnosis import diagnosis_lines, leading
from .wording import counted

__all__ = ["NOT_RUN", "finding_line", "finding_text", "findings", "given_up", "replay_command", "skip_reason"]

EVIDENCE = 12
"""Lines of evidence below a case."""

ALSO = 5
"""Laws that are named when they fail with the same message."""


NOT_RUN = "not run: "
"""How the message of a result starts that was given up because its implementation kept crashing."""


def findings(report: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Results that failed or could not be had, must-laws first and known failures last; what would be told twice is one group.

    Failures of one law on one implementation differ only by dtype. Errors with one message differ only by law and dtype.
    """
    order = {"must": 0, "should": 1, "may": 2}
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in report["results"]:
        if row["verdict"] in ("fail", "error") and not row["message"].startswith(NOT_RUN):
            same = row["law"] if row["verdict"] == "fail" else row["message"]
            groups.setdefault((row["implementation"], row["verdict"], same), []).append(row)

    def rank(rows: Sequence[Mapping[str, Any]]) -> tuple[bool, int, bool]:
        """An estimate says the least about where a mistake is, so the chapter of estimates comes last among equals."""
        known = all(row.get("known") for row in rows)
        return known, min(order[row["level"]] for row in rows), rows[0]["chapter"] == "accuracy"

    return sorted(groups.values(), key=rank)


def given_up(report: Mapping[str, Any]) -> dict[str, int]:
    """Why results were not tried to be had → how many."""
    return Counter(row["message"] for row in report["results"] if row["message"].startswith(NOT_RUN))


def finding_text(row: Mapping[str, Any], law: Mapping[str, Any], address: str, others: Sequence[Mapping[str, Any]] = ()) -> str:
    """Several lines about one result.

    law: as described in a report. address: where the implementation is found again. others: results of the same group.
    """
    verb = "does not hold" if row["verdict"] == "fail" else "has no answer"
    level = "" if row["level"] == "must" else f" ({row['level']})"
    dtypes = dict.fromkeys([row["dtype"], *(other["dtype"] for other in others if other["law"] == row["law"])])
    lines = [
        f"{row['law']}{level} {verb} for {row['implementation']} in {' and '.join(dtypes)}",
        f"  law       {law['statement']}",
        f"  equation  {law['equation']}" + (f"   where {law['where']}" if law.get("where") else ""),
        f"  found     {row['message'] or row['verdict']}",
    ]
    if row.get("case"):
        lines.append(f"  case      {row['case']}")
    lines += [f"            {line}" for line in row.get("details", [])[:EVIDENCE]]
    if row.get("simplest"):
        lines.append(f"  simplest  {'; '.join(row['simplest'])}")
    lines += [f"  {line}" for line in diagnosis_lines(row.get("diagnosis") or {})]
    if row.get("known"):
        lines.append(f"  known     {row['known']}")
    if row.get("case"):
        lines.append(f"  replay    {replay_command(row['case'], law, address)}")
    if row.get("script"):
        lines.append(f"  script    {row['script']}, beside report.json: the failure without the kit")
    laws = list(dict.fromkeys(other["law"] for other in others if other["law"] != row["law"]))
    if laws:
        more = f" and {len(laws) - ALSO} more" if len(laws) > ALSO else ""
        lines.append(f"  so too    {', '.join(laws[:ALSO])}{more}")
    return "\n".join(lines)


def finding_line(row: Mapping[str, Any]) -> str:
    """One line about one result."""
    level = "" if row["level"] == "must" else f" ({row['level']})"
    looks = f" ({leading(row)})" if leading(row) else ""
    return f"  {row['law']}{level}: {row['message'] or row['verdict']}{looks}"


def replay_command(case: str, law: Mapping[str, Any], address: str) -> str:
    """The command that runs one case again."""
    extra = "" if law.get("shipped", True) else f" --laws-file {shlex.quote(law['file'])}"
    return f"attnspec replay {shlex.quote(case)} {shlex.quote(address)}{extra}"


def skip_reason(row: Mapping[str, Any]) -> str:
    """Why a law was not decided: `not-claimed: takes no option window (12 problems)`."""
    reasons = "; ".join(f"{reason} ({counted(count, 'problem')})" for reason, count in row.get("reasons", {}).items())
    return f"{row['verdict']}: {row['message'] or reasons or 'no reason given'}"
