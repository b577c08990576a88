"""How much a run tries."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BUDGETS", "Budget", "budget_named"]


@dataclass(frozen=True)
class Budget:
    """examples: problems a law, implementation and dtype. timeout: seconds for one such item before it counts as hung."""

    name: str
    examples: int
    timeout: float


BUDGETS = {
    "quick": Budget("quick", 12, 120.0),
    "standard": Budget("standard", 30, 300.0),
    "deep": Budget("deep", 400, 1800.0),
    "long": Budget("long", 4000, 4 * 3600.0),
}


def budget_named(name: str) -> Budget:
    """Raises ValueError for an unknown budget, naming the known ones."""
    if name not in BUDGETS:
        raise ValueError(f"unknown budget {name!r}; the budgets are {', '.join(BUDGETS)}")
    return BUDGETS[name]
