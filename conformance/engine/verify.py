"""try_law(implementation, law, dtype): tries a law on drawn problems, shrinks what fails, and says what was found.

A problem on which an implementation refuses, or on which the equation says nothing, does not count as tried; a law that
decided no problem did not pass. What is said of a failure besides, and of a pass, is the work of `explained`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...adapters.contract import Implementation
from ...adapters.takes import ALWAYS
from ...spec.operations import operations
from ..language.law import Law
from ..meaning import Clock
from ..operations import operation_named
from ..problems.descriptors import StructureError
from ..problems.option import spec_name
from ..problems.problem import Problem
from ..problems.sizes import Pool, pool_for
from ..problems.structure import Structure
from ..vocabulary.word import GRADIENTS, WORDS
from .budget import Budget, budget_named
from .calling import calls_of
from .conventions import settled
from .lifted import able, is_lifted, lifts
from .outcome import Outcome, outcome
from .problem_cache import cached_problem
from .repeating import WITHIN_BOUNDS
from .result import Result
from .subject import Subject
from .tally import Finding, Tally

__all__ = ["Trial", "not_claimed", "not_worth_trying", "replay_case", "try_law"]

HOPELESS, HOPELESS_WHOLE = 100, 40
"""Refusals in a row, before any problem was decided, after which no further problem is tried; and where problems come in a few
whole shapes, because each is compiled.
"""


class LawFailed(Exception):
    """Tells Hypothesis that an example is interesting."""


def try_law(
    implementation: Implementation,
    law: Law,
    dtype: str,
    *,
    budget: Budget | str = "standard",
    seed: int = 0,
    examples: int | None = None,
    record: Callable[[str], None] = lambda case: None,
    held: Callable[[Structure, Problem], None] = lambda structure, p: None,
    first: Sequence[str] = (),
    shrink: bool = True,
    after: Callable[[Trial, Result], None] = lambda trial, result: None,
) -> Result:
    """Try one law on one implementation in one dtype.

    examples: problems to decide, instead of the budget's. record: called with each case before it runs.
    held: called with each problem on which the law held, and its structure. first: cases that are tried before any is drawn,
    all of them; where one fails, nothing more is. One that cannot be read any more is passed over.
    shrink: whether the problem of a failure is made small, which takes most of the time of one; the verdict is the same.
    after: called with the trial and the result, which it may add to; its time is part of the result's.
    Never raises for what the implementation does; that is what the Result says.
    """
    budget = budget_named(budget) if isinstance(budget, str) else budget
    start, reference = time.perf_counter(), Clock.seconds
    programs = calls_of(implementation).compilations()
    reason = not_claimed(implementation, law, dtype)
    if reason is None:
        record(f"{law.id}?dtype={dtype}&probe=conventions")
        conventions = {name: choice for name, (choice, _) in settled(implementation).items()}
        reason = _other_convention(law, conventions)
    if reason is not None:
        return Tally().result(implementation, law, dtype, refused=reason)
    subject = Subject(implementation, dtype, conventions)
    trial = Trial(law, subject, record, Tally(), time.monotonic() + budget.timeout / 2, held)
    small = implementation.mode == "interpreted"
    pool = pool_for(budget.name, implementation.compiles, seed, small=small, takes=implementation.takes)
    if "fail" not in [trial.decide(structure) for structure in _readable(first, law)]:
        _search(trial, pool, examples or budget.of_mode(implementation.mode), seed, shrink)
    result = trial.result()
    after(trial, result)
    result.compilations = max(0, subject.caller.compilations() - programs)  # Another host begins at 0.
    spent = time.perf_counter() - start
    own = {"implementation": subject.seconds, "reference": Clock.seconds - reference}
    result.seconds = {**own, "kit": max(0.0, spent - sum(own.values()))}
    if result.softened:
        result.details.append(WITHIN_BOUNDS)
    if subject.altered:
        result.details.append(f"calls changed their inputs {', '.join(sorted(subject.altered))}")
    return result


def replay_case(
    implementation: Implementation,
    case: str,
    law: Law,
    *,
    after: Callable[[Trial, Result], None] = lambda trial, result: None,
) -> Result:
    """Decide one case, `chapter/law?query`, again. Raises ValueError for a case that cannot be read. after: as in `try_law`."""
    structure = Structure.parse(case.partition("?")[2], law.operation)
    reason = not_claimed(implementation, law, structure.dtype)
    if reason is not None:
        return Tally().result(implementation, law, structure.dtype, refused=reason)
    conventions = {name: choice for name, (choice, _) in settled(implementation).items()}
    subject = Subject(implementation, structure.dtype, conventions)
    trial = Trial(law, subject, lambda case: None, Tally(), float("inf"))
    trial.decide(structure)
    result = trial.result()
    after(trial, result)
    return result


def _readable(cases: Sequence[str], law: Law) -> Iterator[Structure]:
    for case in cases:
        with contextlib.suppress(StructureError):
            yield Structure.parse(case.partition("?")[2], law.operation)


def not_worth_trying(implementation: Implementation) -> str | None:
    """Why no law is tried at all: the implementation accepted no call of the survey."""
    nothing = implementation.takes.nothing
    if not nothing:
        return None
    return (
        f"not run: {implementation.name} accepted none of the calls of the survey ({nothing}); declare its shapes with sizes="
    )


def not_claimed(implementation: Implementation, law: Law, dtype: str) -> str | None:
    """Why a law is not asked of an implementation at all, or None."""
    name = implementation.name
    if is_lifted(law, implementation) and not lifts(implementation, law):
        return f"{name} computes {implementation.operation}, the law is about {law.operation}"
    if dtype not in implementation.dtypes:
        return f"{dtype} is not a dtype of {name}"
    claims = law.given.get("claims", [])
    for claim in claims if isinstance(claims, list) else [claims]:
        if claim not in implementation.claims:
            return f"{name} does not claim to be {claim}"
    for word in law.words():
        if WORDS[word].asks == GRADIENTS and not implementation.differentiable:
            return f"{name} has no backward pass"
    options = able(implementation, law)
    for option in _needed(law):
        if option in implementation.takes.refused:
            return f"does not take {option}: {implementation.takes.refused[option]}"
        if option not in options:
            return f"{option} is not an option of {name}"
    for option in law.clears():
        if option in implementation.takes.always:
            return f"{ALWAYS}{option}={implementation.takes.always[option]}"
    return None


def _needed(law: Law) -> Iterator[str]:
    """The options that a law cannot do without."""
    known = _options(law)
    for word in law.words():
        asks = WORDS[word].asks
        if asks is not None and asks != GRADIENTS:
            yield asks
    yield from (option for option in law.sets() if option in known)
    for option, wish in law.given.items():
        asked = spec_name(operation_named(law.operation).options, option)
        if wish != "absent" and asked in known:
            yield asked


def _options(law: Law) -> Any:
    return operations()[law.operation]["options"]


def _other_convention(law: Law, conventions: dict[str, str]) -> str | None:
    for name, choice in law.given.get("conventions", {}).items():
        if conventions.get(name) != choice:
            return f"the law is for {name} {choice}, this implementation has {conventions.get(name)}"
    return None


class Trial:
    """Decides structures one at a time and keeps the count. failed, holding: those on which the law failed and held.

    ended: whether the host of the implementation came to an end.
    """

    def __init__(
        self,
        law: Law,
        subject: Subject,
        record: Callable[[str], None],
        tally: Tally,
        deadline: float,
        held: Callable[[Structure, Problem], None] = lambda structure, p: None,
    ) -> None:
        self.law, self.subject, self.record, self.tally, self.deadline = law, subject, record, tally, deadline
        self.held = held
        self.failed: list[Structure] = []
        self.holding: list[Structure] = []
        self.ended = False

    def begin(self) -> None:
        """Forget what earlier failures gave that hold again: a result must not depend on what was run here before."""
        self.tally, self.holding = Tally(), []

    def decide(self, structure: Structure) -> str:
        """One of pass, fail, vacuous, undecided, unclaimed."""
        case = f"{self.law.id}?{structure.query()}"
        p, known = cached_problem(self.law, structure, self.subject.conventions)
        self.record(case)
        self.subject.forget()
        found = outcome(self.law, p, self.subject, known)
        decision = found.decision
        if decision is None:
            return self._without_a_decision(found, case, structure)
        self.tally.estimated(decision.estimate)
        self.tally.softened += decision.softened
        if decision.holds:
            decided = self.tally.passed(case, structure, decision)
            self.holding.append(structure)
            self.held(structure, p)
            return "pass" if decided else "vacuous"
        self.failed.append(structure)
        self.tally.found(Finding.of(case, structure, decision))
        return "fail"

    def _without_a_decision(self, found: Outcome, case: str, structure: Structure) -> str:
        if found.rejected:
            words = f"{found.words} while running {case}" if found.ended else found.words
            self.ended = self.ended or found.ended
            self.tally.found(Finding(found.verdict, case, structure, words, list(found.trace)))
            return "fail"
        reasons = self.tally.undecided if found.verdict == "undecided" else self.tally.unclaimed
        reasons[found.words] += 1
        return found.verdict

    def result(self) -> Result:
        """What was found."""
        return self.tally.result(self.subject.implementation, self.law, self.subject.dtype)

    @property
    def over(self) -> bool:
        """Whether nothing more shall be tried: time is up, nothing but refusals came, or the host has ended."""
        most = HOPELESS_WHOLE if self.subject.implementation.compiles else HOPELESS
        hopeless = self.tally.examples == 0 and sum(self.tally.unclaimed.values()) >= most
        return self.ended or hopeless or time.monotonic() > self.deadline


def _search(trial: Trial, pool: Pool, examples: int, seed: int, shrink: bool) -> None:
    """Let Hypothesis draw structures until enough are decided, and shrink the first that fails, if that is wanted."""
    import hypothesis

    from ..problems.drawing import Rejected, draw
    from ..problems.strategies import structures
    from ..problems.taken import NotTaken

    trial.begin()
    law, subject = trial.law, trial.subject
    made = subject.implementation
    options = made.backward_options if law.asks_for_gradients else able(made, law)
    try:
        strategy = structures(subject.dtype, law.given, options, pool, law.operation)
    except NotTaken as reason:
        trial.tally.unclaimed[str(reason)] += 1
        return

    def attempt(structure: Structure) -> None:
        if trial.over:
            return
        outcome = trial.decide(structure)
        if outcome == "fail":
            raise LawFailed
        # Another problem takes the place of one on which nothing is promised, but not for ever: each costs a call.
        if outcome in ("undecided", "unclaimed") or (outcome == "vacuous" and trial.tally.vacuous <= examples):
            raise Rejected

    # What happened is in the tally: a finding, refusals, or a verdict that changed from call to call.
    with contextlib.suppress(LawFailed, hypothesis.errors.Unsatisfiable, hypothesis.errors.Flaky):
        name = f"{seed}/{law.id}/{subject.dtype}"
        same = (repr(law.given), tuple(sorted(options)), repr(pool), law.operation)
        draw(strategy, attempt, name=name, examples=examples, shrink=shrink, same=same)
