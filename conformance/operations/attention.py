"""Softmax attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...reference.attention.bounds import judge, own_error
from ...reference.attention.textbook import attention
from ..problems.distributions import DISTRIBUTIONS, RANDOM_SIGNS
from ..problems.shapes import picked
from .operation import Operation, Options, Trial
from .sizes import HEADS, SCORES

if TYPE_CHECKING:
    from ...reference.arithmetic import Arithmetic
    from ..problems.problem import Problem

__all__ = ["ATTENTION", "MEAN", "exact", "judged", "of_heads", "own_errors"]


def exact(p: Problem, options: Options) -> Any:
    return attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Options) -> Any:
    return judge(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, random_signs=random_signs, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Options) -> tuple[Any, ...]:
    return own_error(p.q, p.k, p.v, exact, dict(options))


def of_heads(**said: Any) -> Operation:
    """An operation over heads of queries, keys and values, as every kind of attention is."""
    called = {"q": "queries", "k": "keys", "v": "values"}
    contents: Any = DISTRIBUTIONS
    return Operation(sizes=HEADS, contents=contents, fair=RANDOM_SIGNS, made=SCORES, pick=picked, called=called, **said)


MEAN = Trial("Q = 0", 0.0, None)
"""Every key then weighs as much, so that each row is the mean of V."""

ATTENTION = of_heads(
    name="attention",
    exact=exact,
    judge=judged,
    own_errors=own_errors,
    trial=MEAN,
    under_random_signs=True,
    conventions=("causal_alignment", "empty_rows"),
    softmax=True,
    grouped=True,
    causal_past=True,
)
