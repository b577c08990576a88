"""The findings, worst first, as links into the grid: what a reader opens the report for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..diagnosis import leading
from ..findings import findings, given_up
from ..wording import counted
from .markup import escape, glyph

__all__ = ["address", "findings_list"]

SHOWN = 40
"""Findings in the list; the grid has all."""

EACH = 8
"""Findings of one implementation, so that one that breaks everything does not hide the others."""


def findings_list(report: Mapping[str, Any]) -> str:
    """An ordered list, known failures last."""
    groups, lost = findings(report), given_up(report)
    if not groups and not lost:
        return f'<p class="none">{_nothing(report)}</p>'
    seen: Counter[str] = Counter()
    items: list[str] = []
    for rows in groups:
        seen[rows[0]["implementation"]] += 1
        if seen[rows[0]["implementation"]] <= EACH and len(items) < SHOWN:
            items.append(_item(rows))
    left = len(groups) - len(items)
    told = [f"{left} more in the grid."] if left else []
    told += [f"{counted(n, 'result')} {why}" for why, n in lost.items()]
    return f'<ol class="findings">{"".join(items)}</ol>' + "".join(f'<p class="quiet">{escape(line)}</p>' for line in told)


def _nothing(report: Mapping[str, Any]) -> str:
    if not report["results"]:
        return "No result came, so nothing was found."
    if not report["complete"]:
        return "Among the results that came no law failed, and none was left without an answer."
    return "No law failed, and none was left without an answer."


def address(row: Mapping[str, Any]) -> str:
    """The fragment of the page's address that opens the cell of a result."""
    return f"#cell={quote(row['law'], safe='/')}@{quote(row['implementation'], safe='/')}"


def _item(rows: list[dict[str, Any]]) -> str:
    row = rows[0]
    known = all("known" in each for each in rows)
    verdict = "known" if known else row["verdict"]
    level = "" if row["level"] == "must" else f' <span class="level">{row["level"]}</span>'
    dtypes = ", ".join(dict.fromkeys(each["dtype"] for each in rows))
    looks = f'<span class="looks">looks like {escape(str(leading(row)))}</span>' if leading(row) else ""
    others = len({each["law"] for each in rows}) - 1
    so_too = f" and {others} more law{'s' if others != 1 else ''}" if others else ""
    return (
        f'<li><a href="{escape(address(row))}">{glyph(verdict)}<span><b>{escape(row["law"])}</b>{so_too}{level}'
        f"<small>{'known: ' if known else ''}{escape(row['implementation'])} in {escape(dtypes)}</small>"
        f"<small>{escape(row['message'] or row['verdict'])}</small>{looks}</span></a></li>"
    )
