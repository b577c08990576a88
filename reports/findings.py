"""Words about single results: how to see one again, why one was given up, why one was not decided."""

from __future__ import annotations

import shlex
from collections import Counter

from .lines import WIDTH, command
from .schema import Report, Result
from .schema.setting import LawText
from .wording import counted

__all__ = ["NOT_RUN", "given_up", "replay_command", "replay_lines", "skip_reason"]

NOT_RUN = "not run: "
"""How the message of a result starts that was given up because its implementation kept crashing."""


def given_up(report: Report) -> dict[str, int]:
    """Why results were not tried to be had → how many."""
    return Counter(row.message for row in report.results if row.message.startswith(NOT_RUN))


def replay_command(case: str, law: LawText, address: str) -> str:
    """The command that runs one case again."""
    return " ".join([f"attnspec replay {shlex.quote(case)}", *_rest(law, address)])


def replay_lines(case: str, law: LawText, address: str, width: int = WIDTH) -> list[str]:
    """The same command on lines that fit a width and can be copied as they are."""
    return command("attnspec replay", shlex.quote(case), _rest(law, address), width)


def _rest(law: LawText, address: str) -> list[str]:
    extra = [] if law.shipped else ["--laws-file", shlex.quote(law.file)]
    return [shlex.quote(address), *extra]


def skip_reason(row: Result) -> str:
    """Why a law was not decided: `not-claimed: takes no option window (12 problems)`."""
    reasons = "; ".join(f"{reason} ({counted(count, 'problem')})" for reason, count in row.reasons.items())
    return f"{row.verdict}: {row.message or reasons or 'no reason given'}"
