"""A diagnosis in words: which known mistake it looks like and how surely, where it shows, and what the kernel sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["diagnosis_lines", "evidence", "leading", "unexplained"]


def leading(row: Mapping[str, Any]) -> str | None:
    """The name of the mistake that stands first in the diagnosis of a result, or None."""
    ranked = (row.get("diagnosis") or {}).get("ranked") or []
    return str(ranked[0]["fault"]) if ranked else None


def diagnosis_lines(found: Mapping[str, Any]) -> list[str]:
    """Lines `label     text`, the label ten characters wide and left out where a line goes on. Empty without a diagnosis."""
    if not found:
        return []
    lines = [*_mistake(found)]
    if found.get("arithmetic"):
        rounding = f"arithmetic {found['arithmetic']['sentence']}"
        lines = [*lines, rounding] if found["ranked"] else [rounding, *lines]
    for label, said in (("where", "; ".join(found["where"])), ("factor", "; ".join(found["factor"]))):
        lines += [f"{label:<10}{said}"] if said else []
    lines += [f"{'mask' if n == 0 else '':<10}{line}" for n, line in enumerate(found["mask"])]
    return lines


def _mistake(found: Mapping[str, Any]) -> list[str]:
    if not found["ranked"]:
        return [f"{'mistake':<10}{unexplained(found)}"]
    first, *others = found["ranked"]
    lines = [f"{'mistake':<10}{first['fault']}: {first['title']}", f"{'':<10}{evidence(found['how'], first)}"]
    if others:
        lines.append(f"{'':<10}as well {', '.join(other['fault'] for other in others)}")
    return [*lines, f"{'':<10}{' '.join(first['links'])}"]


def unexplained(found: Mapping[str, Any]) -> str:
    """What is said where no known mistake explains it."""
    near = None if found.get("arithmetic") else found["nearest"]
    hint = f"; {near['fault']} comes nearest, with {near['matched']} of {near['of']}" if near else ""
    return f"no known one explains it on {found['problems']} problems, {found['wrong']} of them wrong{hint}"


def evidence(how: str, row: Mapping[str, Any]) -> str:
    """How much speaks for a mistake of `ranked`."""
    problems = f"{row['matched']} of {row['of']} problems"
    if how == "verdicts":
        return f"outputs do not tell; it has the verdict of this law on {problems}, {row['shown']} of them failures"
    if how == "law":
        return f"it gives what came on {problems} of this law, but not elsewhere: there may be a second mistake"
    sizes = f", in tiles of {' or '.join(map(str, row['tiles']))} keys" if row.get("tiles") else ""
    return f"it gives what came on {problems}, {row['shown']} of them wrong{sizes}"
