"""How and where implementations ran: a verdict on an interpreted kernel is not one on the kernel that a GPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wording import counted

__all__ = ["mode_lines"]


def mode_lines(report: Mapping[str, Any]) -> list[str]:
    """A line for each mode and device: who ran so, with how many problems a law, and how many programs were compiled."""
    groups: dict[tuple[str, str], list[str]] = {}
    for made in report["implementations"]:
        groups.setdefault((made["mode"], made["device"]), []).append(made["name"])
    programs: dict[str, int] = {}
    for row in report["results"]:
        programs[row["implementation"]] = programs.get(row["implementation"], 0) + row.get("compilations", 0)
    return [_line(mode, device, names, programs, report["budget"]) for (mode, device), names in groups.items()]


def _line(mode: str, device: str, names: list[str], programs: Mapping[str, int], budget: Mapping[str, Any]) -> str:
    number = budget["examples" if mode == "eager" else "costly"]
    named = [f"{name} ({programs[name]:,} programs)" if programs.get(name) else name for name in names]
    return f"{mode} on {device}, {counted(number, 'problem')} a law: {', '.join(named)}"
