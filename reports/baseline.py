"""Known failures, kept outside the code: law, implementation, perhaps a dtype, a reason, perhaps a link and an expiry date.

A law that fails only on some of what is drawn says so (`fails: sometimes`), and a pass of it is no problem.

They still run. An entry that expired, matches nothing, excuses nothing, or matches something that passes is a problem of the
baseline that names file and lines, so that a baseline can only shrink by being fixed, never rot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from msgspec import UNSET

from .baseline_file import KEYS, BaselineError, Entry, entries_of
from .profiles import asked_dtypes
from .schema import Report, Result, SchemaError, checked
from .schema.setting import KnownFailure

__all__ = [
    "BaselineError",
    "Entry",
    "Named",
    "baseline_problems",
    "expectation",
    "expired",
    "failing",
    "failure",
    "known",
    "left_out",
    "load_baseline",
    "matches",
    "place",
]

REQUIRED = ("law", "implementation", "reason")


class Named(Protocol):
    """What an entry is about: a result, or its key alone."""

    @property
    def law(self) -> str: ...
    @property
    def implementation(self) -> str: ...
    @property
    def dtype(self) -> str: ...


def load_baseline(file: Path) -> list[Entry]:
    """The entries of a YAML list, each with its `file`, and `line` and `last_line` from 1. Law and implementation may be globs.

    Raises BaselineError for what cannot be read, and for an entry without a reason: nobody but you can say why.
    """
    return [_checked(entry) for entry in entries_of(file)]


def failure(entry: Entry) -> KnownFailure:
    """An entry as a report has it. One that waits for its reason has an empty one. Raises BaselineError."""
    try:
        return checked({"reason": "", **entry}, KnownFailure, "the entry")
    except SchemaError as error:
        raise BaselineError(f"{entry['file']}:{entry['line']}: {error}") from None


def expectation(entry: KnownFailure) -> str:
    """Why a failure was expected: the reason, and the link if there is one."""
    return f"{entry.reason} ({entry.link})" if entry.link else entry.reason


def known(entries: Sequence[KnownFailure], row: Named) -> KnownFailure | None:
    """The entry that expects a result to fail, if one does and is still valid."""
    return next((entry for entry in entries if matches(entry, row) and not expired(entry)), None)


def baseline_problems(report: Report) -> list[str]:
    """A sentence for each entry that expired, matches nothing, excuses nothing, or matches a law that now passes.

    A law or dtype that was left out of the run is no problem of its entry.
    """
    return [sentence for entry in report.baseline for sentence in _problems(entry, report)]


def _problems(entry: KnownFailure, report: Report) -> Iterable[str]:
    where, lines = place(entry), _lines(entry)
    what = f"{where}: the entry for {entry.law} on {entry.implementation}" + (f" in {entry.dtype}" if entry.dtype else "")
    if expired(entry):
        yield f"{what} expired on {entry.expires}; fix the law or say a later date, or delete {lines}"
        return
    rows = [row for row in report.results if matches(entry, row)]
    passing, bad = [row for row in rows if row.verdict == "pass"], [row for row in rows if failing(row)]
    for row in passing if entry.fails != "sometimes" else ():
        still = sorted({f"{other.law} on {other.implementation} in {other.dtype}" for other in bad})
        fix = f"narrow {lines} to what still fails: {_few(still)}" if still else f"delete {lines}"
        yield f"{where}: {row.law} now passes on {row.implementation} in {row.dtype}; {fix}"
    if rows and not passing and not bad:
        verdicts = " or ".join(dict.fromkeys(row.verdict for row in rows))
        yield f"{what} excuses nothing: every result that it matches is {verdicts}; delete {lines}"
    if not rows and not left_out(entry, report):
        yield f"{what} matches nothing in this run; correct it, or delete {lines}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def place(entry: KnownFailure) -> str:
    """`known.yaml:3`, where an entry begins."""
    return "baseline" if entry.line is UNSET else f"{entry.file}:{entry.line}"


def _lines(entry: KnownFailure) -> str:
    first, last = entry.line, entry.last_line
    if first is UNSET:
        return "the entry"
    return f"line {first}" if first == last else f"lines {first} to {last}"


def left_out(entry: KnownFailure, report: Report) -> bool:
    """Whether the run was asked to leave out what the entry speaks of, or is a part of a run that has more."""
    if report.shard or not report.complete:
        return True  # Another shard may hold it, or what did not come; the merged or the complete report tells.
    if entry.dtype and entry.dtype not in (asked_dtypes(report) or [entry.dtype]):
        return True
    elsewhere = [law for law in report.all_laws if law not in report.laws]
    return any(fnmatchcase(law, entry.law) for law in elsewhere)


def failing(row: Result) -> bool:
    """Whether a result is one that a baseline can excuse."""
    return row.verdict in ("fail", "error")


def matches(entry: KnownFailure, row: Named) -> bool:
    """Whether an entry is about a result. An entry without a dtype is about every dtype."""
    return (
        fnmatchcase(row.law, entry.law)
        and fnmatchcase(row.implementation, entry.implementation)
        and entry.dtype in (UNSET, row.dtype)
    )


def expired(entry: KnownFailure) -> bool:
    """Whether the day that an entry names is past. On that day it still holds."""
    return date.fromisoformat(entry.expires) < date.today() if entry.expires else False


def _checked(entry: Entry) -> Entry:
    where = f"{entry['file']}:{entry['line']}"
    for key in REQUIRED:
        if not entry.get(key, "").strip():
            law, made = entry.get("law", "the law"), entry.get("implementation", "the implementation")
            hint = f"; say why {law} is known to fail on {made}" if key == "reason" else f"; an entry has {', '.join(KEYS)}"
            raise BaselineError(f"{where}: has no {key}{hint}")
    return entry
