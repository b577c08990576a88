"""Softmax attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....reference.attention.bounds import judge, own_error
from ....reference.attention.textbook import attention
from ..operation import Given, Trial
from ..over_heads.record import of_heads
from .options import OPTIONS

if TYPE_CHECKING:
    from ....reference.arithmetic import Arithmetic
    from ...problems.problem import Problem

__all__ = ["ATTENTION"]

POSITIONS = ("causal", "window", "q_segments", "kv_segments", "kv_lengths")
"""Options that hide keys by counting positions, segments or lengths."""


def exact(p: Problem, options: Given) -> Any:
    return attention(p.q, p.k, p.v, **options)


def judged(p: Problem, arithmetic: Arithmetic, random_signs: bool, options: Given) -> Any:
    return judge(p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, random_signs=random_signs, **options)


def judged_gradients(p: Problem, dout: Any, arithmetic: Arithmetic, options: Given) -> Any:
    from ....reference.attention.bounds.gradients import judge_gradients  # It takes its time to load, and few runs need it.

    return judge_gradients(dout, p.q, p.k, p.v, arithmetic=arithmetic, dtype=p.dtype, **options)


def own_errors(p: Problem, exact: Any, judged: Callable[[], Any], options: Given) -> tuple[Any, ...]:
    return own_error(p.q, p.k, p.v, exact, dict(options))


def written_out(p: Problem, seen: Any) -> dict[str, Any]:
    """One mask for what is visible, one bias for ALiBi, in float64."""
    options: dict[str, Any] = {}
    if any(name in p.options for name in POSITIONS):
        options = {**dict.fromkeys(POSITIONS), "mask": seen}
    if "alibi_slopes" in p.options:
        bias = np.where(seen, np.asarray(p.options.get("bias", 0.0), dtype=np.float64) + _alibi(p), 0.0)
        options |= {"alibi_slopes": None, "bias": bias}
    return options


def _alibi(p: Problem) -> Any:
    """−slope·|i + offset − j|, (B, Hq, Sq, Sk), exact in float64 for slopes of few bits."""
    rows, columns = np.arange(p.sq)[:, None], np.arange(p.sk)[None, :]
    lengths = np.asarray(p.options.get("kv_lengths", np.full(p.b, p.sk)), dtype=np.float64)
    bottom_right = p.convention("causal_alignment") == "bottom-right"
    offset = (lengths - p.sq if bottom_right else np.zeros(p.b))[:, None, None, None]
    slopes = np.asarray(p.options["alibi_slopes"], dtype=np.float64)[None, :, None, None]
    return -slopes * np.abs(rows + offset - columns)


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
    needed={"causal": True, "mask": False, "kv_lengths": False, "bias": False, "window": False, "return_lse": False},
    dropped=lambda p: float(p.options.get("dropout_p", 0.0)),
    written_out=written_out,
    hides=("causal", "window", "mask", "q_segments", "kv_segments", "kv_lengths"),
    measured=({"causal": True},),
)
