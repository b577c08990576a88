"""Two reports compared, as data: what broke, what is fixed, what moved, what is asked and what is no longer.

A regression is a must-law that held, or was expected to fail, or was not asked, and now fails or has no answer; that passed and
is undecided; that is no longer claimed; or whose result vanished although the law is still there. An incomplete report, and two
reports that share no result, cannot be green either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from ..diagnosis import leading
from ..findings import replay_command
from ..schema import Report, Result
from .notes import comparability, declarations, incomplete, surroundings
from .spread import FEW, OTHER, SAME, UNKNOWN, moved, number

__all__ = ["ABSENT", "KNOWN", "compare"]

FORMAT = 1
KNOWN, ABSENT = "known failure", "absent"
"""States of a result beside the verdicts: a failure that a baseline expects, and no result."""

BAD = ("fail", "error")
Key = tuple[str, str, str]


def compare(old: Report, new: Report, *, strict: bool = False) -> dict[str, Any]:
    """The comparison, JSON-ready. strict: a ratio of a must-law that became worse is red too.

    broke, fixed, changed, dropped, claimed, vanished, appeared: lists of {law, implementation, dtype, level, was, now,
    regression, message, mistake, replay}, must-laws first. moved: {…, was, now, direction, how}, ratios of laws that passed
    twice, the worse ones first. worse: how many of must-laws are. notes: why the reports are not the same question.
    ratios: how many pairs were compared how. added, removed: laws and implementations. environment: sentences.
    regressions: how many. code: 0 green, 1 red, 2 nothing in common.
    """
    before, after = _by_key(old), _by_key(new)
    result: dict[str, Any] = {"format": FORMAT, "old": _about(old), "new": _about(new)}
    result |= {name: [] for name in ("broke", "fixed", "changed", "dropped", "claimed", "vanished", "appeared")}
    for key in sorted({**before, **after}, key=_order(old, new)):
        kind = _kind(before.get(key), after.get(key))
        if kind is not None:
            result[kind].append(_change(kind, before.get(key), after.get(key), old, new))
    result["moved"], result["ratios"] = _moves(before, after, old, new)
    gone, come = _names(old), _names(new)
    result["added"] = {what: [name for name in come[what] if name not in gone[what]] for what in come}
    result["removed"] = {what: [name for name in gone[what] if name not in come[what]] for what in gone}
    result["environment"] = [*declarations(old, new), *surroundings(old, new)]
    result["incomplete"] = incomplete(old, new)
    result["notes"] = [*result["incomplete"], *comparability(old, new)]
    result["compared"] = len(before.keys() & after.keys())
    result["regressions"] = sum(change["regression"] for kind in ("broke", "dropped", "vanished") for change in result[kind])
    result["strict"] = strict
    result["worse"] = sum(move["direction"] == "worse" and move["level"] == "must" for move in result["moved"])
    red = result["regressions"] or result["incomplete"] or (strict and result["worse"])
    result["code"] = 1 if red else 0 if result["compared"] else 2
    return result


def _by_key(report: Report) -> dict[Key, Result]:
    return {(row.law, row.implementation, row.dtype): row for row in report.results}


def _about(report: Report) -> dict[str, Any]:
    about = {name: getattr(report, name) for name in ("attnspec", "budget", "seed", "planned", "complete")}
    time = report.environment.time or None
    return {**msgspec.to_builtins(about), "time": time, "results": len(report.results)}


def _names(report: Report) -> dict[str, list[str]]:
    return {"laws": list(report.laws), "implementations": [made.name for made in report.implementations]}


def _order(old: Report, new: Report) -> Any:
    """Must-laws first, estimates last among equals, then as the reports have them."""
    laws = {**new.laws, **{law: about for law, about in old.laws.items() if law not in new.laws}}
    place = {law: number for number, law in enumerate(laws)}
    levels = ("must", "should", "may")

    def rank(key: Key) -> tuple[int, bool, int, str, str]:
        law, implementation, dtype = key
        return levels.index(laws[law].level), laws[law].chapter == "accuracy", place[law], implementation, dtype

    return rank


def _state(row: Result | None) -> str:
    if row is None:
        return ABSENT
    return KNOWN if row.verdict in BAD and row.known is not UNSET else row.verdict


def _kind(old: Result | None, new: Result | None) -> str | None:
    """The list of the comparison to which a pair belongs."""
    was, now = _state(old), _state(new)
    if was == now:
        return None
    if now in BAD:
        return "changed" if was in BAD else "broke"
    if now == ABSENT:
        return "vanished"
    if was == ABSENT:
        return "appeared"
    if now == "not-claimed":
        return "dropped"
    if was == "not-claimed":
        return "claimed"
    if was == "pass":
        return "broke"
    return "fixed" if now == "pass" and was in (*BAD, KNOWN) else "changed"


def _change(kind: str, before: Result | None, after: Result | None, old: Report, new: Report) -> dict[str, Any]:
    row = after if after is not None else before
    assert row is not None
    change: dict[str, Any] = {name: getattr(row, name) for name in ("law", "implementation", "dtype", "level")}
    change |= {"was": _state(before), "now": _state(after)}
    change["regression"] = row.level == "must" and _is_regression(kind, change, new, old)
    told = after is not None and kind != "fixed"
    change |= {"message": row.message if told else "", "mistake": leading(row.diagnosis) if told else None, "replay": None}
    if after is not None and after.case:
        address = next((made.address for made in new.implementations if made.name == row.implementation), None)
        if address is not None:
            change["replay"] = replay_command(after.case, new.laws[row.law], address)
    return change


def _is_regression(kind: str, change: Mapping[str, Any], new: Report, old: Report) -> bool:
    if kind == "broke":
        unexpected: bool = change["now"] != KNOWN  # A baseline took it, with a reason that somebody wrote.
        return unexpected
    if kind == "vanished":
        abolished = old.laws[change["law"]].shipped and change["law"] not in new.all_laws
        return change["was"] != "not-claimed" and not abolished
    return kind == "dropped"


def _moves(
    before: Mapping[Key, Result], after: Mapping[Key, Result], old: Report, new: Report
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Ratios that moved by more than their spread, and how the pairs were compared."""
    how_many = {SAME: 0, OTHER: 0, FEW: 0, UNKNOWN: 0}
    numpy = [report.environment.packages.get("numpy") for report in (old, new)]
    alarm = new.false_alarms.random_signs
    moves = []
    for key, row in after.items():
        was = before.get(key)
        if was is None or any(r.verdict != "pass" or r.worst_ratio is None for r in (was, row)):
            continue
        direction, how = moved(was, row, numpy_is_the_same=numpy[0] == numpy[1], alarm=alarm)
        how_many[how] += 1
        if direction:
            change = {name: getattr(row, name) for name in ("law", "implementation", "dtype", "level")}
            ratios = {"was": was.worst_ratio, "now": row.worst_ratio}
            moves.append({**change, **ratios, "direction": "worse" if direction > 0 else "better", "how": how})
    return sorted(moves, key=_by_step), how_many


def _by_step(move: Mapping[str, Any]) -> tuple[bool, float]:
    return move["direction"] == "better", -abs(number(move["now"]) - number(move["was"]))
