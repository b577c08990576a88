"""A diff for a terminal. Where the reports are the same question, its first line is what broke."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .words import TITLES, grouped, move_line, names_lines, ratio_lines, verdict_line

__all__ = ["diff_text"]

WIDTH = 19
"""Columns of the label that stands before the first line of a section."""

SHOWN = 20
"""Lines of a section that is no regression; the JSON has all of them."""


def diff_text(diff: Mapping[str, Any]) -> str:
    """Several lines, the last of which says whether the diff is green."""
    lines = [*_section("NOTE", diff["notes"], all_=True)]
    for kind in ("broke", "vanished", "dropped", "fixed"):
        lines += _changes(diff, kind)
    for direction in ("worse", "better"):
        moves = [move_line(move) for move in diff["moved"] if move["direction"] == direction]
        lines += _section(f"ratio {direction}", moves)
    for kind in ("claimed", "changed", "appeared"):
        lines += _changes(diff, kind)
    lines += _section("names", names_lines(diff))
    lines += _section("environment", diff["environment"], all_=True)
    lines += _section("ratios", ratio_lines(diff), all_=True)
    return "\n".join([*lines, verdict_line(diff)])


def _changes(diff: Mapping[str, Any], kind: str) -> Iterator[str]:
    """A kind of change. What was never decided and is gone, or is new and passes, is only counted."""
    told = [change for change in diff[kind] if kind != "appeared" or change["now"] not in ("pass", "not-claimed")]
    lines = []
    for change, dtypes in grouped(told):
        lines.append(_line(change, dtypes))
        if kind == "broke" and change["replay"]:
            lines.append(f"  replay  {change['replay']}")
    yield from _section(TITLES[kind], lines, all_=any(change["regression"] for change in told))
    if len(told) < len(diff[kind]):
        yield from _section(TITLES[kind], [f"{len(diff[kind]) - len(told)} that pass or are not claimed"])


def _line(change: Mapping[str, Any], dtypes: str) -> str:
    level = "" if change["level"] == "must" else f" ({change['level']})"
    said = f": {change['message']}" if change["message"] else ""
    looks = f" ({change['mistake']})" if change["mistake"] else ""
    return f"{change['law']}{level} on {change['implementation']} in {dtypes}, {change['was']} → {change['now']}{said}{looks}"


def _section(title: str, lines: Sequence[str], all_: bool = False) -> Iterator[str]:
    for n, line in enumerate(lines if all_ else lines[:SHOWN]):
        yield f"{title if n == 0 else '':<{WIDTH}}{line}"
    if not all_ and len(lines) > SHOWN:
        yield f"{'':<{WIDTH}}and {len(lines) - SHOWN} more, all in --format json"
