"""Words that run the implementation. What they give carries the interval that its declared arithmetic allows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ...reference.arithmetic import FLOAT8
from ..bounded import Bounded
from ..meaning import derived
from ..problems.problem import Problem
from .misfit import accepted, fact, misfit
from .transforms import _typed
from .word import Pair, Problems, Undecided, Value, Values, word

if TYPE_CHECKING:
    from ..engine.subject import Subject

OUTPUTS_OF_FLOAT8 = ("float32", "float16", "bfloat16")
"""Dtypes in which a float8 kernel may answer."""

MOST_READINGS = 24
"""Reading weights through V takes ceil(Sk / Dv) calls; a problem that needs more is left undecided."""


@word("observations")
def out(subject: Subject, p: Problem | Problems | Pair, *, after: Problem | None = None) -> Value | Values:
    """The output for p, or for each of several problems; `after` another call was made first."""
    if isinstance(p, Pair):
        return p.out
    if isinstance(p, list):
        return [subject.out(each) for each in p]
    return subject.out(p, after=after)


@word("observations")
def weights(subject: Subject, p: Problem) -> Value:
    """The attention weights (B, Hq, Sq, Sk), read through V.

    With V one-hot over a slab of keys, the output is their weights, so even a fused kernel shows them. A v_descale is left out.
    """
    slabs = [subject.out(slab) for slab in one_hot_slabs(p)]
    return Bounded(
        np.concatenate([x.value for x in slabs], -1)[..., : p.sk],
        np.concatenate([x.low for x in slabs], -1)[..., : p.sk],
        np.concatenate([x.high for x in slabs], -1)[..., : p.sk],
    )


@word("observations")
def refuses(subject: Subject, p: Problem) -> Value:
    """1 where the implementation raises an exception for p, 0 where it returns an answer."""
    return fact(subject.refuses(p), lambda: [f"took {misfit(p)}; an error was expected", accepted(subject.first_use(p))])


@word("observations")
def answers(subject: Subject, p: Problem) -> Value:
    """1 where the implementation returns an answer for p, 0 where it raises. Asked only of problems that it claims."""
    return fact(subject.answers(p), lambda: ["raised an exception; an answer was expected"])


@word("observations")
def changed_inputs(subject: Subject, p: Problem) -> Value:
    """How many of the arrays that a call was handed are different afterwards, gaps between their rows included."""
    return fact(subject.changed_inputs(p), lambda: [f"changed its inputs {', '.join(sorted(subject.altered))}"])


@word("observations")
def returns_dtype(subject: Subject, p: Problem) -> Value:
    """1 where the output has the dtype of the queries, or float32, float16 or bfloat16 where they are float8, 0 otherwise."""
    came, due = subject.returned_dtype(p), OUTPUTS_OF_FLOAT8 if p.dtype in FLOAT8 else (p.dtype,)
    return fact(came in due, lambda: [f"returned {came} for queries in {p.dtype}"])


def one_hot_slabs(p: Problem) -> list[Problem]:
    """The problems through which weights are read: V one-hot over Dv keys at a time. Raises Undecided for too many."""
    if p.sk > MOST_READINGS * p.dv:
        raise Undecided(f"reading {p.sk} weights through {p.dv} value features takes too many calls")
    return [derived(p, ("one-hot", start), partial(_one_hot, p, start)) for start in range(0, max(p.sk, 1), p.dv)]


def _one_hot(p: Problem, start: int) -> Problem:
    v = np.zeros((p.b, p.hkv, p.sk, p.dv))
    for feature in range(min(p.dv, p.sk - start)):
        v[:, :, start + feature, feature] = 1.0
    return p.having(v=_typed(v, p.dtype)).but(v_descale=None)
