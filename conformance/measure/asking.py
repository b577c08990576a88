"""What every measurement shares: rows that see all of a few keys, and the answer as numbers.

A measurement needs no bound and no law. It asks for attention without options, on problems that are made by hand, and reads
what comes back. Not every kernel takes that: one is only causal, another wants as many queries as keys, or 64 features. So the
same rows are asked in the first form that the implementation answers rightly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ...adapters.contract import Implementation
from ...reference.rounding import DTYPES, round_to
from ..engine.conventions import settled
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..operations.attention.record import ATTENTION
from ..problems.problem import Problem
from ..remembered import kept_for_a_run

__all__ = ["FEATURES", "Form", "TooCoarse", "form_of", "held", "logsumexps", "outputs", "problem", "subject_of"]

FEATURES = 16
"""Value features that a measurement reads."""


class TooCoarse(ValueError):
    """A measurement asks for numbers that the dtype does not hold. The text says so."""


@dataclass(frozen=True)
class Form:
    """How rows are asked.

    features: of queries, keys and values: 16, 64 or 256, whose scale is a power of two. each: "row", all rows of one head;
    "entry", a batch entry for each row, with that query alone; "last", the same with as many queries as keys, of which the last
    is the row. causal: whether the call is causal, which hides nothing from the row then.
    """

    features: int = FEATURES
    each: str = "row"
    causal: bool = False

    @property
    def scale(self) -> float:
        """The default scale, which no call gives."""
        return float(1 / np.sqrt(self.features))


FEATURES_ASKED = (FEATURES, 64, 256)


def _forms(subject: Subject) -> Iterator[Form]:
    """Every form, the plainest first. A causal query that is alone sees all keys only where it stands at the last one."""
    for features in FEATURES_ASKED:
        yield from (Form(features, each) for each in ("row", "entry", "last"))
    corner = subject.conventions.get("causal_alignment") == "bottom-right"
    for features in FEATURES_ASKED:
        yield from (Form(features, each, causal=True) for each in (("entry", "last") if corner else ("last",)))


_FORMS: WeakKeyDictionary[Subject, Form] = kept_for_a_run(WeakKeyDictionary())


def subject_of(implementation: Implementation, dtype: str) -> Subject:
    """The implementation in one dtype, ready to be asked."""
    return Subject(implementation, dtype, {name: choice for name, (choice, _) in settled(implementation).items()})


def form_of(subject: Subject) -> Form:
    """The first form in which two rows of equal weights over sixteen keys come out as the mean of the values.

    The plainest where none does: what then comes, or is raised, is what a measurement tells.
    """
    if subject not in _FORMS:
        _FORMS[subject] = next((form for form in _forms(subject) if _answers(subject, form)), Form())
    return _FORMS[subject]


def _answers(subject: Subject, form: Form) -> bool:
    """Whether each answer is nearer to the mean of all values than to that of all but one."""
    values = np.arange(16.0) % 4  # few bits, which every dtype holds
    mean, without = values.mean(), (values.sum() - values) / 15
    try:
        asked = problem(subject.dtype, np.zeros(2), np.zeros(16), np.repeat(values[:, None], FEATURES, 1), form)
        found = _outputs(subject, asked, form)
    except (NotClaimed, Raised, Broken):
        return False
    return bool((np.abs(found - mean) < np.abs(without - mean).min() / 2).all())


def problem(dtype: str, rows: Any, keys: Any, values: Any, form: Form | None = None) -> Problem:
    """A problem in which the score of row i and key j is −rows_i · keys_j, and the values are those given.

    rows: (R,), keys: (Sk,), values: (Sk, 16). Raises TooCoarse where the dtype cannot hold one of them exactly.
    """
    form = form or Form()
    rows, keys = np.asarray(rows, dtype=np.float64), np.asarray(keys, dtype=np.float64)
    q, k, v = np.zeros((len(rows), form.features)), np.zeros((len(keys), form.features)), np.zeros((len(keys), form.features))
    q[:, 0], k[:, 0], v[:, :FEATURES] = rows / form.scale, -keys, values
    q, k, v = (_exact(x, dtype) for x in (q, k, v))
    if form.each == "row":
        q, k, v = q[None, None], k[None, None], v[None, None]
    else:
        count = 1 if form.each == "entry" else len(keys)
        q = np.repeat(q[:, None, None], count, 2)
        k, v = (np.repeat(x[None, None], len(rows), 0) for x in (k, v))
    made = Problem({"q": q, "k": k, "v": v}, dtype, operation=ATTENTION.name)
    return made.but(causal=True) if form.causal else made


def held(rows: NDArray[np.float64], dtype: str, form: Form) -> NDArray[np.float64]:
    """Those of some rows that `problem` can ask for in a dtype."""
    kept: NDArray[np.float64] = rows[round_to(rows / form.scale, dtype) == rows / form.scale]
    return kept


def _exact(x: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    if not np.array_equal(round_to(x, dtype), x):
        raise TooCoarse(f"{dtype} does not hold the numbers that it asks for")
    return x.astype(DTYPES[dtype])


def outputs(subject: Subject, rows: Any, keys: Any, values: Any) -> NDArray[np.float64]:
    """The output of each row, (R, 16). Raises NotClaimed, Raised and Broken as `Subject.out` does, and TooCoarse."""
    form = form_of(subject)
    return _outputs(subject, problem(subject.dtype, rows, keys, values, form), form)


def _outputs(subject: Subject, p: Problem, form: Form) -> NDArray[np.float64]:
    return _rows(subject.out_only(p).astype(np.float64), form)[:, :FEATURES]


def logsumexps(subject: Subject, rows: Any, keys: Any) -> NDArray[np.float64]:
    """The logsumexp of each row, (R,). Raises NotClaimed where the implementation does not return it."""
    form = form_of(subject)
    p = problem(subject.dtype, rows, keys, np.zeros((len(keys), FEATURES)), form)
    return _rows(subject.lse_only(p).astype(np.float64), form)


def _rows(x: NDArray[np.float64], form: Form) -> NDArray[np.float64]:
    """(R, …) of a result (B, H, Sq, …)."""
    return np.asarray(x[0, 0] if form.each == "row" else x[:, 0, -1])
