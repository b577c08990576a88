"""The laws that a quick run asks of an implementation: those of the shortlist for what it takes, and no fewer than ENOUGH.

A kernel whose calls are compiled or interpreted often takes few options, and one that declares that it is always causal, or
takes a single query, few problems, so that half of the shortlist cannot be asked of it. Further must-laws of its operation then
take their place, one of each chapter before a second of any.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ..adapters.takes import EVERYTHING, Takes
from .remembered import for_a_run

if TYPE_CHECKING:
    from ..adapters.contract import Implementation
    from .language import Law

__all__ = ["ENOUGH", "quick_laws"]

ENOUGH = 60
"""Laws that can be asked of an implementation in another mode than eager, or with declared limits, if there are so many: 40 are
decided where a third needs sizes that it refuses."""


@for_a_run
def quick_laws(made: Implementation) -> frozenset[str]:
    """Their ids. What a survey found plays no part, so that every process that knows the implementation says the same."""
    from .language import load_laws
    from .language.loading import shortlist

    listed = shortlist(made.options)
    if made.mode == "eager" and _declared(made) is EVERYTHING:
        return listed
    able = [law for law in load_laws() if _can_be_asked(law, made)]
    missing = ENOUGH - sum(law.id in listed for law in able)
    place: Counter[str] = Counter()
    offered = []
    for law in able:
        if law.level == "must" and law.id not in listed:
            place[law.chapter] += 1
            offered.append((place[law.chapter], law.id))
    return listed | {name for _, name in sorted(offered)[: max(missing, 0)]}


def _declared(made: Implementation) -> Takes:
    """What is declared of what an implementation takes, without what a survey found, which has words."""
    takes = made.takes
    rules = tuple(rule for rule in takes.rules if not rule.words)
    always = {name: value for name, value in takes.always.items() if name not in takes.needs}
    return Takes(rules, always) if rules or always else EVERYTHING


def _can_be_asked(law: Law, made: Implementation) -> bool:
    """Whether it is claimed, and problems for it can be drawn among those that are declared to be taken."""
    from .engine.lifted import able
    from .engine.verify import not_claimed
    from .problems.sizes import pool_for
    from .problems.strategies import structures
    from .problems.taken import NotTaken

    declared = replace(made, takes=_declared(made))
    if all(not_claimed(declared, law, dtype) is not None for dtype in made.dtypes):
        return False
    try:
        structures(made.dtypes[0], law.given, able(made, law), pool_for("quick", False, 0, takes=declared.takes), law.operation)
    except NotTaken:
        return False
    return True
