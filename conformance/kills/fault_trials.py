"""Tries faults on the problems of one law in one dtype, the definition first.

Problems come from outside and know nothing of faults. What costs the same for every fault is done once a problem: building
it, what transforms make of it, what the reference says of that. A fault is spared a problem on which it is the definition by
construction (no call of the law had the options that it needs), and it leaves at its first rejection.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.evaluate import Known, decide_law
from ..engine.outcome import outcome_of
from ..engine.relation import Decision
from ..engine.subject import Subject
from ..engine.verify import not_claimed
from ..language.law import Law
from ..problems.problem import Problem
from ..problems.structure import Structure
from ..vocabulary.word import GRADIENTS
from .suspects import BACKWARDS, CORRECT, Fault, Terms, suspect

__all__ = ["FaultTrial", "FaultTrials", "Kill"]


@dataclass(frozen=True)
class Kill:
    """A rejection: on which problem of the law (counted from 1), after how many seconds, which case, and by what verdict.

    seconds: drawing, building and judging the problems up to this one, and the fault's own part of it.
    """

    problem: int
    seconds: float
    case: str
    verdict: str


@dataclass
class FaultTrial:
    """One fault before one law. tried: problems on which it was asked. seconds: its own part of the time."""

    fault: Fault
    subject: Subject
    tried: int = 0
    seconds: float = 0.0
    kill: Kill | None = None

    def shows(self, asked: set[frozenset[str]]) -> bool:
        """Whether it may differ from the definition after calls with these options.

        One that remembers may differ wherever it was asked before; one of the backward pass only in the backward pass.
        """
        if self.fault.name in BACKWARDS:
            return any(options.issuperset({*self.fault.needs, GRADIENTS}) for options in asked)
        return self.fault.remembers or any(options.issuperset(self.fault.needs) for options in asked)


class FaultTrials:
    """One law in one dtype over many faults.

    problems: how many so far. rejected_definition: the first case on which the law rejects the definition, or empty.
    """

    def __init__(self, law: Law, dtype: str, faults: Iterable[Fault], terms: Terms = Terms()) -> None:  # noqa: B008
        self.law, self.dtype = law, dtype
        self.problems, self.rejected_definition = 0, ""
        self._own, self._started = 0.0, time.perf_counter()
        self._deliveries: dict[int, Any] = {}
        self._definition = self._subject(CORRECT, terms)
        self.by_fault = {
            fault.name: FaultTrial(fault, subject)
            for fault in faults
            if fault.operation == law.operation
            and not_claimed((subject := self._subject(fault.name, terms)).implementation, law, dtype) is None
        }

    def _subject(self, name: str, terms: Terms) -> Subject:
        subject = Subject(suspect(name, terms, self.law.operation), self.dtype, terms.conventions)
        subject.deliveries = self._deliveries
        return subject

    def try_on(self, structure: Structure, p: Problem) -> None:
        """One problem that the law decides. Nothing more is asked once the definition was rejected: then the law is wrong."""
        self.problems += 1
        self._deliveries.clear()
        known: Known = {}
        if self.rejected_definition:
            return
        if self._verdict(self._definition, p, known) is not None:
            self.rejected_definition = self._case(structure)
            return
        asked = set(self._definition.asked)
        shared = time.perf_counter() - self._started - self._own
        for trial in self.by_fault.values():
            if trial.kill is None and trial.shows(asked):
                self._try(trial, structure, p, known, shared)

    def _try(self, trial: FaultTrial, structure: Structure, p: Problem, known: Known, shared: float) -> None:
        start = time.perf_counter()
        verdict = self._verdict(trial.subject, p, known)
        spent = time.perf_counter() - start
        self._own += spent
        trial.seconds += spent
        trial.tried += 1
        if verdict is not None:
            trial.kill = Kill(self.problems, shared + trial.seconds, self._case(structure), verdict)

    def _verdict(self, subject: Subject, p: Problem, known: Known) -> str | None:
        """How a law rejects a subject: fail or error; None where it does not."""
        subject.forget()

        def asked() -> Decision | None:
            if subject is not self._definition and subject.agrees(self._definition):
                return None
            return decide_law(self.law, p, subject, known, sentences=False)

        with np.errstate(all="ignore"):
            found = outcome_of(asked)
        return found.verdict if found.rejected else None

    def _case(self, structure: Structure) -> str:
        return f"{self.law.id}?{structure.query()}"
