"""The findings, worst first, as links into the grid: what a reader opens the report for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..diagnosis import leading
from ..findings import findings, given_up
from .markup import escape, glyph

__all__ = ["address", "findings_list"]

SHOWN = 40
"""Findings in the list; the grid has all."""

EACH = 8
"""Findings of one implementation, so that one that breaks everything does not hide the others."""


def findings_list(report: Mapping[str, Any]) -> str:
    """An ordered list, known failures last."""
    groups = sorted(findings(report), key=lambda rows: all("known" in row for row in rows))
    seen: Counter[str] = Counter()
    items: list[str] = []
    for rows in groups:
        seen[rows[0]["implementation"]] += 1
        if seen[rows[0]["implementation"]] <= EACH and len(items) < SHOWN:
            items.append(_item(rows))
    if not groups:
        return '<p class="none">No law failed, and none was left without an answer.</p>'
    left = len(groups) - len(items)
    more = f'<p class="quiet">{left} more in the grid.</p>' if left else ""
    lost = "".join(
        f'<p class="quiet">{n} result{"s" if n != 1 else ""} {escape(why)}</p>' for why, n in given_up(report).items()
    )
    return f'<ol class="findings">{"".join(items)}</ol>{more}{lost}'


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
