"""Softmax attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...reference.bounds import judge, own_error
from ...reference.textbook import attention
from .operation import Operation, Options, Trial

if TYPE_CHECKING:
    from ...reference.arithmetic import Arithmetic
    from ..problems.problem import Problem

__all__ = ["ATTENTION", "CALLED", "MEAN", "exact", "judged", "own_errors"]


def exact(p: Problem, options: Options) -> Any:
    return attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Options) -> Any:
    return judge(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, random_signs=random_signs, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Options) -> tuple[Any, ...]:
    return own_error(p.q, p.k, p.v, exact, dict(options))


CALLED = {"q": "queries", "k": "keys", "v": "values"}
"""What the arrays of every kind of attention are called."""

MEAN = Trial("Q = 0", 0.0, None)
"""Every key then weighs as much, so that each row is the mean of V."""

ATTENTION = Operation(
    "attention",
    exact,
    judged,
    own_errors,
    MEAN,
    under_random_signs=True,
    conventions=("causal_alignment", "empty_rows"),
    softmax=True,
    grouped=True,
    causal_past=True,
    called=CALLED,
)
