"""Findings: which results they are, how to see one again, and why others were not decided."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .lines import WIDTH, command
from .wording import counted

__all__ = ["NOT_RUN", "findings", "given_up", "replay_command", "replay_lines", "skip_reason"]

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


def replay_command(case: str, law: Mapping[str, Any], address: str) -> str:
    """The command that runs one case again."""
    return " ".join([f"attnspec replay {shlex.quote(case)}", *_rest(law, address)])


def replay_lines(case: str, law: Mapping[str, Any], address: str, width: int = WIDTH) -> list[str]:
    """The same command on lines that fit a width and can be copied as they are."""
    return command("attnspec replay", shlex.quote(case), _rest(law, address), width)


def _rest(law: Mapping[str, Any], address: str) -> list[str]:
    extra = [] if law.get("shipped", True) else ["--laws-file", shlex.quote(law["file"])]
    return [shlex.quote(address), *extra]


def skip_reason(row: Mapping[str, Any]) -> str:
    """Why a law was not decided: `not-claimed: takes no option window (12 problems)`."""
    reasons = "; ".join(f"{reason} ({counted(count, 'problem')})" for reason, count in row.get("reasons", {}).items())
    return f"{row['verdict']}: {row['message'] or reasons or 'no reason given'}"
