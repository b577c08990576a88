"""Softmax attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...reference.attention.bounds import judge, own_error
from ...reference.attention.textbook import attention
from ..problems.distributions import DISTRIBUTIONS, RANDOM_SIGNS
from ..problems.options import options_of
from ..problems.shapes import picked
from .known import operation_named
from .operation import Given, Operation, Trial
from .sizes import HEADS, SCORES

if TYPE_CHECKING:
    from ...reference.arithmetic import Arithmetic
    from ..problems.problem import Problem

__all__ = ["ATTENTION", "MEAN", "exact", "judged", "of_heads", "own_errors"]


def exact(p: Problem, options: Given) -> Any:
    return attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Given) -> Any:
    return judge(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, random_signs=random_signs, **options)


def judged_gradients(p: Problem, dout: Any, arithmetic: Arithmetic, options: Given) -> Any:
    from ...reference.attention.bounds.gradients import judge_gradients  # It takes its time to load, and few runs need it.

    return judge_gradients(dout, p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Given) -> tuple[Any, ...]:
    return own_error(p.q, p.k, p.v, exact, dict(options))


def changed(p: Problem, claimed: frozenset[str]) -> dict[str, Any]:
    """Another scale, causality and mask."""
    given: dict[str, Any] = {}
    if "scale" in claimed:
        given["scale"] = 2 * float(p.options.get("scale", p.d**-0.5))
    if "causal" in claimed and (operation_named(p.operation).causal_past or p.sq == p.sk):
        given["causal"] = None if p.options.get("causal") else True
    if "mask" in claimed and "mask" not in p.options:
        given["mask"] = np.arange(p.sk)[None, :] % 3 != np.arange(p.sq)[:, None] % 3
    return given


def of_heads(name: str, **said: Any) -> Operation:
    """An operation over heads of queries, keys and values, as every kind of attention is."""
    called = {"q": "queries", "k": "keys", "v": "values"}
    contents: Any = DISTRIBUTIONS
    return Operation(
        name=name,
        options=options_of(name),
        sizes=HEADS,
        contents=contents,
        fair=RANDOM_SIGNS,
        made=SCORES,
        pick=picked,
        called=called,
        changed=changed,
        **said,
    )


MEAN = Trial("Q = 0", 0.0, None)
"""Every key then weighs as much, so that each row is the mean of V."""

ATTENTION = of_heads(
    name="attention",
    exact=exact,
    judge=judged,
    own_errors=own_errors,
    judge_gradients=judged_gradients,
    trial=MEAN,
    under_random_signs=True,
    conventions=("causal_alignment", "empty_rows"),
    softmax=True,
    grouped=True,
    causal_past=True,
    hides=("causal", "window", "mask", "q_segments", "kv_segments", "kv_lengths"),
)
