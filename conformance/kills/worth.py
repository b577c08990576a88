"""Whether a pass is worth anything under an arithmetic that somebody made up.

A kernel is held to the bound of the arithmetic that it declares. The named models leave room for rounding alone; a field
beyond all of them may leave room for anything, and zeros pass. So there a pass has to be earned: of the known mistakes that the
law would reject under the usual arithmetic of the dtype, on the problems that the kernel passed, it still rejects one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...reference.arithmetic import weaker_than_named
from ..engine.subject import Subject
from ..language.law import Law
from ..problems.build import build
from ..problems.structure import Structure
from .fault_trials import FaultTrials
from .suspects import FAULTS, Fault, Terms, no_mistake

__all__ = ["why_worthless"]


def why_worthless(law: Law, problems: Sequence[Structure], subject: Subject) -> str | None:
    """Why a pass on these problems says nothing; None where it says something, or no field promises less than a named model."""
    fields = weaker_than_named(subject.arithmetic)
    if not fields or law.operation != subject.implementation.operation:
        return None
    terms = Terms.of(subject.implementation, subject.conventions)
    faults = [FAULTS[name] for name in law.kills if FAULTS[name].shows_in(subject.dtype)]
    faults = [fault for fault in faults if no_mistake(fault, subject.conventions) is None]
    usually = _rejected(law, problems, subject, faults, replace(terms, arithmetic=None))
    if not usually or _rejected(law, problems, subject, usually, terms):
        return None
    declared = ", ".join(f"{name} = {getattr(subject.arithmetic, name):g}" for name in fields)
    passing = "the known mistake" if len(usually) == 1 else f"all {len(usually)} known mistakes"
    return f"the declared arithmetic ({declared}) lets {passing} pass that the law would reject"


def _rejected(law: Law, problems: Sequence[Structure], subject: Subject, faults: Sequence[Fault], terms: Terms) -> list[Fault]:
    trials = FaultTrials(law, subject.dtype, faults, terms)
    for structure in problems:
        trials.try_on(structure, build(structure, subject.conventions))
    return [trial.fault for trial in trials.by_fault.values() if trial.kill is not None]
