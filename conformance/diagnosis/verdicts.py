"""Where every output lies within its bounds and a law still fails: which known mistake fails it on the same problems.

A last bit that changes from call to call, a gradient, an estimate over many numbers: no single output shows them. What is left
is to hold the law against the suspects. That says less than outputs do, and the finding says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...adapters.contract import Implementation
from ..engine.evaluate import Known, decide_law
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..engine.verify import not_claimed
from ..kills.suspects import Terms, suspect
from ..language.law import Law
from ..vocabulary.word import Undecided
from .sample import Sample
from .suspects import Suspect

__all__ = ["Likeness", "alike"]


@dataclass(frozen=True)
class Likeness:
    """A suspect whose verdicts are those of the implementation on `matched` of `of` problems, `failed` of them failures."""

    suspect: Suspect
    matched: int
    of: int
    failed: int


def alike(
    law: Law, made: Implementation, conventions: Mapping[str, str], samples: Sequence[Sample], suspects: Iterable[Suspect],
    until: float,
) -> list[Likeness]:  # fmt: skip
    """The suspects with the most verdicts in common, the best first: none where fewer than half of the failures are common.

    until: the processor time (time.process_time) after which no further suspect is tried.
    """
    due = [sample for sample in samples if sample.of_law]
    known: list[Known] = [{} for _ in due]
    failures = sum(sample.verdict == "fail" for sample in due)
    found = []
    for each in suspects:
        if time.process_time() > until:
            break
        tried = suspect(each.fault.name, Terms.of(made, conventions))
        if not due or not_claimed(tried, law, due[0].p.dtype) is not None:
            continue
        subject = Subject(tried, due[0].p.dtype, conventions)
        said = [_verdict(law, sample, subject, facts) for sample, facts in zip(due, known, strict=True)]
        same = [verdict == sample.verdict for verdict, sample in zip(said, due, strict=True)]
        failed = sum(good and verdict == "fail" for good, verdict in zip(same, said, strict=True))
        if failed and 2 * failed >= failures:
            found.append(Likeness(each, sum(same), len(due), failed))
    best = max((each.matched for each in found), default=0)
    level = [each for each in found if each.matched == best]
    return sorted(level, key=lambda e: (-e.failed, e.suspect.distance, -len(e.suspect.fault.needs)))


def _verdict(law: Law, sample: Sample, subject: Subject, known: Known) -> str:
    subject.forget()
    try:
        return "pass" if decide_law(law, sample.p, subject, known).holds else "fail"
    except (Undecided, NotClaimed):
        return "undecided"
    except (Raised, Broken):
        return "fail"
