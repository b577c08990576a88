"""The problems of a diagnosis: those of the law that failed, and plain ones on which mistakes differ.

The smallest failing problem tells the least: with one key and one row most mistakes look alike. So what the law met before it
was shrunk is taken too, more is drawn as the law draws, and plain calls are made with the options that took part, each alone
and together. An implementation that keeps something from call to call has a past that nobody knows; a problem with a number of
value features that was never used before has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ...adapters.contract import Implementation
from ..engine.outcome import outcome
from ..engine.subject import Broken, NotClaimed, Raised
from ..engine.symptom import Symptom
from ..language.law import Law
from ..meaning import forget
from ..operations import operation_named
from ..problems.build import build
from ..problems.problem import Problem
from ..problems.sizes import Pool
from ..problems.structure import Structure
from ..remembered import kept_for_a_run
from .call_log import Call, CallLog

__all__ = ["Sample", "another", "drawn", "plain_sample", "sample_of_law", "unused", "variants"]

NEW = range(19, 512, 2)
"""Numbers of value features for problems without a past: odd, as those of usual problems are not. An implementation is given
each of them once. They end before they are large, for a call costs as much as there are features.
"""

_UNUSED: WeakKeyDictionary[Implementation, Iterator[int]] = kept_for_a_run(WeakKeyDictionary())

LARGEST = 20_000
"""The most scores, B·Hq·Sq·Sk, of a problem of a diagnosis: a hundred mistakes are compared on each."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One problem with every call that was made for it. of_law: the calls are those of the law; else all claimed results.

    correct: whether a correct implementation may have given all of it. fresh: nothing can have come before. verdict: what the
    law said, where it is of the law. symptom: what its failure looks like, where it is one of numbers. met: how known mistakes
    compare with it, by name, so that each is asked once.
    """

    structure: Structure
    p: Problem
    calls: tuple[Call, ...]
    correct: bool
    of_law: bool
    fresh: bool
    verdict: str = ""
    symptom: Symptom | None = None
    met: dict[str, Any] = field(default_factory=dict)

    @property
    def backward(self) -> bool:
        """Whether gradients were asked for."""
        return any(call.dout is not None for call in self.calls)

    @property
    def options(self) -> frozenset[str]:
        """Options of its calls."""
        return frozenset(self.p.options).union(*(call.options for call in self.calls))


def sample_of_law(law: Law, structure: Structure, log: CallLog, new: bool, times: int = 1) -> Sample | None:
    """The law evaluated once more, every call kept; None where it says nothing. new: nothing can have come before.

    times: how often, each time with calls of its own, so that what is kept of a call shows.
    """
    p = build(structure, log.conventions)
    log.begin(p)
    for _ in range(times):
        log.forget()
        found = outcome(law, p, log)
        if found.decision is None:
            break
    if found.decision is None and not found.rejected:
        return None
    verdict, symptom = ("fail" if found.rejected else "pass"), (None if found.decision is None else found.decision.symptom)
    return _sample(structure, p, log, of_law=True, fresh=new, verdict=verdict, symptom=symptom)


def plain_sample(structure: Structure, log: CallLog, new: bool, twice: bool = False) -> Sample | None:
    """One problem asked for all that is claimed; None where the implementation refuses it or raises.

    twice: another call with the same shapes comes before, so that what is kept of a call shows.
    """
    p = build(structure, log.conventions)
    log.begin(p)
    try:
        if twice:
            log.out_only(another(p, log.implementation.options))
        log.ask(p)
    except (NotClaimed, Raised):
        return None
    except Broken:
        pass  # what came is no answer; the calls tell
    return _sample(structure, p, log, of_law=False, fresh=new)


def _sample(structure: Structure, p: Problem, log: CallLog, **said: Any) -> Sample:
    """What the log kept, judged. What the reference worked out for it is let go: a diagnosis keeps many problems."""
    calls = tuple(log.calls)
    sample = Sample(structure, p, calls, all(call.correct for call in calls), **said)
    for each in (p, *(call.p for call in calls)):
        forget(each)
    log.forget()
    return sample


def another(p: Problem, claimed: frozenset[str]) -> Problem:
    """A problem of the same shapes that differs in what a call may keep: options, and the values of the last array."""
    operation, (*_, last) = operation_named(p.operation), p.arrays
    given = {} if operation.changed is None else operation.changed(p, claimed)
    return p.but(**given).having(**{last: -p.arrays[last], "fair_values": None})


def unused(made: Implementation) -> Iterator[int]:
    """The numbers of features that an implementation has not been given by any diagnosis, to be taken one by one."""
    return _UNUSED.setdefault(made, iter(NEW))


def variants(structure: Structure, numbers: Iterator[int] | None, backward: bool = False) -> Iterator[tuple[Structure, bool]]:
    """The same structure with a number of features that nothing has had, as few of them as will do, and itself.

    Each with whether it is new. numbers: where the number is taken from; None where it may not be changed. backward: gradients
    will be asked for, so that the keys too must be of a new shape.
    """
    number = None if numbers is None else next(numbers, None)
    if number is not None and operation_named(structure.operation).of_heads:
        if not backward:
            yield structure.sized(dv=number), True
        narrow = operation_named(structure.operation).narrow
        if narrow is None or not narrow(structure):
            yield structure.sized(d=number, dv=number), True
    yield structure, False


def drawn(
    made: Implementation,
    dtype: str,
    givens: Sequence[Mapping[str, Any]],
    options: Sequence[str],
    pool: Pool,
    name: str,
    count: int,
    operation: str = "",
) -> list[list[Structure]]:
    """For each `given`, structures as a law that has it draws them, the same for the same name; none too large, none twice.

    operation: of the law, where it is another one than that of the implementation.
    """
    from hypothesis import strategies as st

    from ..problems.drawing import draw
    from ..problems.strategies import structures
    from ..problems.taken import NotTaken

    found: list[list[Structure]] = [[] for _ in givens]

    def collect(together: tuple[Structure | None, ...]) -> None:
        for structure, others in zip(together, found, strict=True):
            if structure is not None and scores(structure) <= LARGEST and structure not in others:
                others.append(structure)

    def drawable(given: Mapping[str, Any]) -> st.SearchStrategy[Structure | None]:
        try:
            return structures(dtype, given, options, pool, operation or made.operation)
        except NotTaken:
            return st.none()

    strategy = st.tuples(*(drawable(given) for given in givens))
    draw(strategy, collect, name=name, examples=2 * count + 1, shrink=False)
    return [list(_spread(each, count)) for each in found]


def scores(structure: Structure) -> int:
    """B·Hq·Sq·Sk."""
    return structure.cost


def _spread(found: list[Structure], count: int) -> Iterator[Structure]:
    """Some of them, the smaller and the larger ones in turn."""
    ordered = sorted(found, key=lambda s: (scores(s), s.query()))
    while ordered and count > 0:
        yield ordered.pop(-1 if count % 2 else len(ordered) // 2)
        count -= 1
