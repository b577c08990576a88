"""How and where implementations ran: a verdict on an interpreted kernel is not one on the kernel that a GPU runs.

Nor is one within bounds a verdict on the last bit, which a kernel that does not repeat its bits is not held to.
"""

from __future__ import annotations

from collections.abc import Mapping

from .schema import Report
from .schema.setting import Budget
from .wording import counted

__all__ = ["mode_lines", "softened_lines"]


def mode_lines(report: Report) -> list[str]:
    """A line for each mode and device: who ran so, with how many problems a law, and how many programs were compiled.

    Then who ran in the process of the judge, where it can do things to it that a host keeps away.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for made in report.implementations:
        groups.setdefault((made.mode, made.device), []).append(made.name)
    programs: dict[str, int] = {}
    for row in report.results:
        programs[row.implementation] = programs.get(row.implementation, 0) + row.compilations
    lines = [_line(mode, device, names, programs, report.budget) for (mode, device), names in groups.items()]
    beside = [made.name for made in report.implementations if made.process == "judge"]
    return [*lines, f"in the process of the judge: {', '.join(beside)}"] if beside else lines


def softened_lines(report: Report) -> list[str]:
    """One line for each such implementation: how many laws that ask for the same bits were held within bounds instead."""
    laws: dict[str, set[str]] = {}
    for row in report.results:
        if row.softened:
            laws.setdefault(row.implementation, set()).add(row.law)
    return [
        f"  {name}: {counted(len(found), 'law')} held within bounds instead of to the last bit, because two equal calls gave "
        "different bits"
        for name, found in laws.items()
    ]


def _line(mode: str, device: str, names: list[str], programs: Mapping[str, int], budget: Budget) -> str:
    number = budget.examples if mode == "eager" else budget.costly
    named = [f"{name} ({programs[name]:,} programs)" if programs.get(name) else name for name in names]
    return f"{mode} on {device}, {counted(number, 'problem')} a law: {', '.join(named)}"
