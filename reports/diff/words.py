"""What both pages of a diff say: groups of like changes, and the sentences around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..wording import counted
from .spread import FEW, OTHER, SAME, UNKNOWN, number

__all__ = ["TITLES", "grouped", "move_line", "names_lines", "ratio_lines", "verdict_line"]

TITLES = {
    "broke": "broke",
    "vanished": "vanished",
    "dropped": "no longer claimed",
    "fixed": "fixed",
    "claimed": "newly claimed",
    "changed": "changed",
    "appeared": "new results",
}


def grouped(changes: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """The first change of each law, implementation and kind of change, with its dtypes in words. Regressions come first."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for change in sorted(changes, key=lambda change: not change["regression"]):
        key = tuple(change[name] for name in ("law", "implementation", "was", "now", "regression"))
        groups.setdefault(key, []).append(change)
    return [(group[0], " and ".join(change["dtype"] for change in group)) for group in groups.values()]


def move_line(move: Mapping[str, Any]) -> str:
    """`weights/as-defined on mine in float32: 0.123 → 0.456 (other problems)`."""
    was, now = (f"{number(move[name]):.3g}" for name in ("was", "now"))
    if was == now:
        was, now = (f"{number(move[name]):.17g}" for name in ("was", "now"))
    return f"{move['law']} on {move['implementation']} in {move['dtype']}: {was} → {now} ({move['how']})"


def names_lines(diff: Mapping[str, Any]) -> list[str]:
    """Laws and implementations that came and went."""
    return [
        f"{what} {word}: {', '.join(diff[key][what])}"
        for key, word in (("added", "new"), ("removed", "gone"))
        for what in ("implementations", "laws")
        if diff[key][what]
    ]


def ratio_lines(diff: Mapping[str, Any]) -> list[str]:
    """How ratios were compared, where that is not the simple case."""
    found = diff["ratios"]
    lines = []
    if found[OTHER]:
        lines.append(f"{found[OTHER]} of the ratios stand on other problems; only what leaves their run-to-run spread is told")
    if found[FEW]:
        same = "runs of one seed, with the same options and the same NumPy, try the same ones"
        lines.append(f"{found[FEW]} of the ratios stand on other problems, too few to tell a move from chance; {same}")
    if found[UNKNOWN]:
        lines.append(f"{found[UNKNOWN]} of the ratios were not compared: a report does not record how its ratios spread")
    return lines


def verdict_line(diff: Mapping[str, Any]) -> str:
    """The last line: red or green, and why."""
    moved = [f"{sum(move['direction'] == word for move in diff['moved'])} {word}" for word in ("worse", "better")]
    ratios = counted(diff["ratios"][SAME] + diff["ratios"][OTHER], "ratio") + (
        f" ({', '.join(moved)})" if diff["moved"] else ""
    )
    compared = f"{counted(diff['compared'], 'result')} compared, {ratios}"
    if diff["regressions"]:
        return f"{counted(diff['regressions'], 'regression')}; {compared}"
    if diff["incomplete"]:
        return f"not green: a report is incomplete; {compared}"
    if not diff["compared"]:
        return "nothing can be compared: the reports have no result in common"
    if diff["code"]:
        return f"no regression, but {counted(diff['worse'], 'ratio')} of must-laws became worse (--strict); {compared}"
    return f"no regression; {compared}"
