"""How much a run tries.

A call that is compiled for each shape, or interpreted, takes a hundred times as long as another, so implementations in these
modes get a number of problems of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

__all__ = ["BUDGETS", "Budget", "budget_named"]


@dataclass(frozen=True)
class Budget:
    """examples: problems a law, implementation and dtype. costly: the same where the mode of an implementation is not eager.

    timeout: seconds for one such item before it counts as hung. call: seconds for a single call of an implementation whose mode
    is eager; longer where its calls have taken longer before. short: whether a run that names neither laws nor a profile tries
    only those of spec/shortlist.yaml.
    """

    name: str
    examples: int
    costly: int
    timeout: float
    call: float
    short: bool = False

    def of_mode(self, mode: str) -> int:
        """Problems a law for an implementation in one of contract.MODES."""
        return self.examples if mode == "eager" else self.costly

    def of_call(self, mode: str) -> float:
        """Seconds that a call may take in one of contract.MODES: where calls are compiled or interpreted, a whole item's."""
        return min(self.call, self.timeout) if mode == "eager" else self.timeout

    def with_examples(self, number: int) -> Self:
        """The same number of problems for every implementation."""
        return replace(self, examples=number, costly=number)


BUDGETS = {
    "quick": Budget("quick", 2, 1, 120.0, 10.0, short=True),
    "standard": Budget("standard", 4, 1, 300.0, 30.0),
    "deep": Budget("deep", 200, 40, 1800.0, 180.0),
    "long": Budget("long", 4000, 800, 4 * 3600.0, 1800.0),
}


def budget_named(name: str) -> Budget:
    """Raises ValueError for an unknown budget, naming the known ones."""
    if name not in BUDGETS:
        raise ValueError(f"unknown budget {name!r}; the budgets are {', '.join(BUDGETS)}")
    return BUDGETS[name]
