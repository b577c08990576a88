"""Softmax attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....reference.attention.bounds import judge, own_error
from ....reference.attention.textbook import attention
from ..operation import Given, Trial
from ..over_heads.record import of_heads
from .options import OPTIONS

if TYPE_CHECKING:
    from ....reference.arithmetic import Arithmetic
    from ...problems.problem import Problem

__all__ = ["ATTENTION"]


def exact(p: Problem, options: Given) -> Any:
    return attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Given) -> Any:
    return judge(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, random_signs=random_signs, **options)


def judged_gradients(p: Problem, dout: Any, arithmetic: Arithmetic, options: Given) -> Any:
    from ....reference.attention.bounds.gradients import judge_gradients  # It takes its time to load, and few runs need it.

    return judge_gradients(dout, p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Given) -> tuple[Any, ...]:
    return own_error(p.q, p.k, p.v, exact, dict(options))


MEAN = Trial("Q = 0", 0.0, None)
"""Every key then weighs as much, so that each row is the mean of V."""

ATTENTION = of_heads(
    name="attention",
    options=OPTIONS,
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
