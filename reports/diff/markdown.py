"""A diff for a pull request: what broke stands open, everything else is folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from .words import TITLES, grouped, move_line, names_lines, ratio_lines, verdict_line

__all__ = ["diff_markdown"]

SHOWN = 50
"""Lines of a section; a comment may have 65,536 characters, and the JSON has everything."""

LONGEST = 300
"""Letters of a message: what a kernel raised may be a page."""

MARKS = {ord(mark): f"\\{mark}" for mark in "\\`*_[]~"} | {ord(mark): f"&#{ord(mark)};" for mark in "#@|"}
"""What Markdown would take for its own. @ and # would call people and issues."""


def diff_markdown(diff: Mapping[str, Any]) -> str:
    """GitHub-flavoured Markdown that ends with a line break."""
    lines = [f"### {'❌' if diff['code'] else '✅'} attnspec diff: {_plain(verdict_line(diff))}", ""]
    lines += [f"> ⚠️ {_plain(note)}\n" for note in diff["notes"]]
    for kind in ("broke", "vanished", "dropped"):
        lines += _table(kind, diff[kind])
    lines += _folded(TITLES["fixed"], [_line(*found) for found in grouped(diff["fixed"])])
    for direction in ("worse", "better"):
        moves = [_plain(move_line(move)) for move in diff["moved"] if move["direction"] == direction]
        lines += _folded(f"ratios that are {direction}", moves)
    for kind in ("claimed", "changed", "appeared"):
        lines += _folded(TITLES[kind], [_line(*found) for found in grouped(diff[kind])])
    lines += _folded("laws and implementations", [_plain(line) for line in names_lines(diff)])
    lines += _folded("environment", [_plain(line) for line in diff["environment"]])
    lines += [f"{_plain(line)}\n" for line in ratio_lines(diff)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(kind: str, changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    found = grouped(changes)
    if not found:
        return
    yield from (f"**{TITLES[kind]}**", "", "| law | implementation | dtype | was → now | |", "|---|---|---|---|---|")
    for change, dtypes in found[:SHOWN]:
        looks = f" (looks like {change['mistake']})" if change["mistake"] else ""
        cells = (
            change["law"],
            change["implementation"],
            dtypes,
            f"{change['was']} → {change['now']}",
            _cut(change["message"]) + looks,
        )
        yield "| " + " | ".join(_plain(cell) for cell in cells) + " |"
    if len(found) > SHOWN:
        yield f"| and {len(found) - SHOWN} more | | | | |"
    yield ""
    replays = [change["replay"] for change, _ in found[:SHOWN] if change["replay"]]
    if replays:
        yield from ("<details><summary>how to see it again</summary>", "")
        yield from (f"<pre>{escape(command)}</pre>" for command in replays)
        yield from ("", "</details>", "")


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"<details><summary>{title} ({len(lines)})</summary>", "")
        yield from (f"- {line}" for line in lines[:SHOWN])
        if len(lines) > SHOWN:
            yield f"- and {len(lines) - SHOWN} more"
        yield from ("", "</details>", "")


def _line(change: Mapping[str, Any], dtypes: str) -> str:
    said = f"{change['law']} on {change['implementation']} in {dtypes}: {change['was']} → {change['now']}"
    return _plain(f"{said}, {_cut(change['message'])}" if change["message"] else said)


def _cut(message: str) -> str:
    return message if len(message) <= LONGEST else message[:LONGEST] + "…"


def _plain(text: str) -> str:
    """Text that Markdown shows as it stands, in a table too."""
    return escape(" ".join(text.split()), quote=False).translate(MARKS)
