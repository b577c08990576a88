"""judge(problem, arithmetic): the exact answer with its bounds, the reference's own error included.

The reference computes in float64, so it is itself a kernel with an arithmetic, and the same formulas say how far it may lie
from the truth. Both distances are added.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import REFERENCE, ROUNDOFF, Arithmetic
from ..inputs import read
from ..textbook import Attended, attention
from .facts import Facts, facts_of
from .logits import logit_errors
from .logsumexp import logsumexp_bound
from .output import output_bound
from .weights import weight_errors

__all__ = ["Judgement", "judge"]

Array = NDArray[Any]

DEFAULTS = {
    name: p.default
    for name, p in inspect.signature(attention).parameters.items()
    if p.kind is p.KEYWORD_ONLY and name not in ("rows", "steps")
}


@dataclass(frozen=True, eq=False)
class Judgement:
    """The exact answer, and how far a correct kernel may lie from it before it rounds to its output dtype.

    out, out_bound: float64 (B, Hq, R, Dv). lse, lse_bound: float64 (B, Hq, R).
    A bound is inf where the declared arithmetic promises nothing (n·u ≥ 1, a score or a sum that may overflow, a visible
    value that is not finite) and 0 in rows that a convention fills with zeros or NaN. It is never NaN.
    attended: all that the reference knows of the call.
    """

    out: Array
    out_bound: Array
    lse: Array
    lse_bound: Array
    attended: Attended


def judge(
    q: Any, k: Any, v: Any, *, arithmetic: Arithmetic, dtype: str, rows: Sequence[int] | None = None, **options: Any
) -> Judgement:
    """The Judgement of one call of attention.

    q, k, v, rows, options and conventions: as `textbook.attention` takes them. dtype: name of the input dtype, to which the
    kernel rounds operands that it scales beforehand, and "input" in the arithmetic. Raises ValueError as `attention` does, and
    for an unknown dtype.
    """
    if dtype not in ROUNDOFF:
        raise ValueError(f"unknown dtype {dtype!r}; the dtypes are {', '.join(ROUNDOFF)}")
    attended = attention(q, k, v, rows=rows, **options)
    given = read(q, k, v, rows=rows, **{**DEFAULTS, **options})
    with np.errstate(all="ignore"):
        facts = facts_of(given, attended)
        out, lse = _bounds(facts, arithmetic, dtype)
        own_out, own_lse = _bounds(facts, REFERENCE, "float64")
        out, lse = out + own_out, lse + own_lse
        if facts.spoiled is not None:
            out[facts.spoiled] = np.inf
        out[np.isnan(out)] = np.inf
        lse[np.isnan(lse)] = np.inf
    empty = facts.empty[..., 0]
    lse[empty] = 0.0
    if given.empty_rows != "mean" or given.k.shape[2] == 0:
        out[empty] = 0.0
    return Judgement(attended.out, out, attended.lse, lse, attended)


def _bounds(facts: Facts, arithmetic: Arithmetic, dtype: str) -> tuple[Array, Array]:
    logits = logit_errors(facts, arithmetic, dtype)
    weights = weight_errors(facts, logits, arithmetic)
    out = output_bound(facts, weights, arithmetic)
    lse = logsumexp_bound(facts, logits, weights, arithmetic)
    if logits.overflow is not None:
        out = np.where(logits.overflow, np.inf, out)
        lse = np.where(logits.overflow[..., 0], np.inf, lse)
    return out, lse
