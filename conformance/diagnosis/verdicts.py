"""Where every output lies within its bounds and a law still fails: which known mistake fails it on the same problems, alike.

A last bit that changes from call to call, a gradient, an estimate over many numbers, NaN that came back as 0: no single output
shows them. What is left is to hold the law against the suspects. Only its verdict would be little evidence, so a suspect must
also fail it with the same symptom, answer equal calls as alike as the implementation does, and fail where the definition does
not; and a mistake of the backward pass is no explanation of an output, nor the reverse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...adapters.contract import Implementation
from ..engine.evaluate import Known
from ..engine.outcome import outcome
from ..engine.subject import Subject
from ..engine.symptom import Symptom, kinds_of
from ..engine.verify import not_claimed
from ..kills.suspects import CORRECT, Terms, suspect
from ..language.law import Law
from ..vocabulary.word import GRADIENTS, WORDS
from .history import varies
from .sample import Sample
from .suspects import Suspect

__all__ = ["Likeness", "alike"]

MOST = 60
"""Suspects that are tried at most, for each costs a law on every problem: a count, so that equal runs say the same."""

Said = tuple[str, Symptom | None, frozenset[str]]
"""A verdict, what its failure looks like, and which of nan, inf and -inf came in any answer: a law may only count them."""


@dataclass(frozen=True)
class Likeness:
    """A suspect whose verdicts are those of the implementation on `matched` of `of` problems, `failed` of them failures."""

    suspect: Suspect
    matched: int
    of: int
    failed: int


def alike(
    law: Law, made: Implementation, conventions: Mapping[str, str], samples: Sequence[Sample], suspects: Iterable[Suspect]
) -> list[Likeness]:  # fmt: skip
    """The suspects with the most verdicts in common, the best first: none where fewer than half of the failures are common, or
    no more than half of all verdicts.
    """
    terms = Terms.of(made, conventions)
    due = [sample for sample in samples if sample.of_law]
    known: list[Known] = [{} for _ in due]
    if not due:
        return []
    dtype = due[0].p.dtype
    right = Subject(suspect(CORRECT, terms, made.operation), dtype, conventions)
    telling = [n for n, sample in enumerate(due) if _said(law, sample, right, known[n])[0] != "fail"]
    failing = [due[n] for n in telling if due[n].verdict == "fail"]
    if not failing:
        return []
    changing = varies(Subject(made, dtype, conventions), failing)
    backward = any(WORDS[word].asks == GRADIENTS for word in law.words())
    found = []
    for each in list(suspects)[:MOST]:
        tried = suspect(each.fault.name, terms)
        if each.backward != backward or not_claimed(tried, law, dtype) is not None:
            continue
        subject = Subject(tried, dtype, conventions)
        agree = {n: _agree(due[n], _said(law, due[n], subject, known[n]), changing) for n in telling if due[n] in failing}
        failed = sum(agree.values())
        if not failed or 2 * failed < len(failing) or varies(subject, failing) != changing:
            continue
        agree |= {n: _agree(due[n], _said(law, due[n], subject, known[n]), changing) for n in telling if n not in agree}
        if 2 * sum(agree.values()) > len(telling):
            found.append(Likeness(each, sum(agree.values()), len(telling), failed))
    best = max((each.matched for each in found), default=0)
    level = [each for each in found if each.matched == best]
    return sorted(level, key=lambda e: (-e.failed, e.suspect.distance, -len(e.suspect.fault.needs)))


def _agree(sample: Sample, said: Said, changing: bool) -> bool:
    """Whether a suspect and the implementation have the same verdict, and fail alike."""
    verdict, symptom, strange = said
    if verdict != sample.verdict or (symptom is None) != (sample.symptom is None):
        return False
    values = [one.value for call in sample.calls for one in call.observed.values()]
    if verdict == "fail" and values and strange != _strange(values):
        return False
    free = changing or sample.p.draws_features  # then the numbers of two failures need not be at the same places
    return symptom is None or sample.symptom is None or sample.symptom.like(symptom, varies=free)


def _said(law: Law, sample: Sample, subject: Subject, known: Known) -> Said:
    subject.forget()
    found = outcome(law, sample.p, subject, known)
    if found.decision is None:
        return "fail" if found.rejected else "undecided", None, frozenset()
    return found.verdict, found.decision.symptom, _strange(_answers(subject))


def _strange(values: Iterable[Any]) -> frozenset[str]:
    return frozenset().union(*(kinds_of(x) & {"nan", "inf", "-inf"} for x in values))


def _answers(subject: Subject) -> list[Any]:
    """Every array that a subject gave and remembers."""
    found = []
    for _, answer in subject._remembered.values():
        found += (answer.arrays if hasattr(answer, "arrays") else answer).values()
    return found
