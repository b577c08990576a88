"""judge(problem, arithmetic): the exact answer with its bounds, the reference's own error included.

The reference computes in float64, so it is itself a kernel with an arithmetic, and the same formulas say how far it may lie
from the truth. Both distances are added. Where V has random signs, level R is taken where it is the smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import REFERENCE, ROUNDOFF, Arithmetic
from ..inputs import Inputs, descaled, read
from ..textbook import Attended, attention
from .blocks import blocks
from .columns import Columns, columns_of
from .facts import Facts, facts_of
from .logits import Logits, logit_errors
from .logsumexp import logsumexp_bound
from .output import output_bound
from .own import own_share
from .probabilistic import probable_bound
from .random_signs import may_gain, random_sign_bound
from .weights import Weights, weight_errors

__all__ = ["Judgement", "judge"]

Array = NDArray[Any]


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
    _probable: Callable[[], Array] | None = None

    @cached_property
    def probable(self) -> Array:
        """How far a kernel's output usually lies at most, float64 (B, Hq, R, Dv): level P, which no verdict may rest on.

        Computed when it is first asked for. Raises ValueError where the call was not judged with random_signs=True.
        """
        if self._probable is None:
            raise ValueError("level P holds for values with random signs only; judge with random_signs=True")
        return np.asarray(np.fmin(self.out_bound, self._probable()))


def judge(
    q: Any,
    k: Any,
    v: Any,
    *,
    arithmetic: Arithmetic,
    dtype: str,
    rows: Sequence[int] | None = None,
    random_signs: bool = False,
    **options: Any,
) -> Judgement:
    """The Judgement of one call of attention.

    q, k, v, rows, options and conventions: as `textbook.attention` takes them. dtype: name of the input dtype, to which the
    kernel rounds operands that it scales beforehand, and "input" in the arithmetic. random_signs: whether the entries of V were
    drawn with fair signs, independent of each other, of |V| and of all else; out_bound is then left by a correct kernel with a
    probability of at most random_signs.FALSE_ALARM, and else never. Raises ValueError as `attention` does, and for an unknown
    dtype.
    """
    if dtype not in ROUNDOFF:
        raise ValueError(f"unknown dtype {dtype!r}; the dtypes are {', '.join(ROUNDOFF)}")
    attended = attention(q, k, v, rows=rows, **options)
    given = read(q, k, v, rows=rows, **options)
    with np.errstate(all="ignore"):
        outputs = attended.out.size if random_signs else None
        columns = columns_of(descaled(given))
        parts = [_judged(*block, columns, arithmetic, dtype, outputs) for block in blocks(given, attended)]
    out, lse, own_out = (each[0] if len(parts) == 1 else np.concatenate(each, 2) for each in zip(*parts, strict=True))
    probable = (lambda: _probable(given, attended, arithmetic, dtype, own_out)) if random_signs else None
    return Judgement(attended.out, out, attended.lse, lse, attended, probable)


def _judged(
    given: Inputs, attended: Attended, columns: Columns, arithmetic: Arithmetic, dtype: str, outputs: int | None
) -> tuple[Array, Array, Array]:
    """Bounds of output and logsumexp, and the reference's own error of the output, which is in the first.

    outputs: how many share the probability of level R, where it may be taken.
    """
    facts = facts_of(given, attended, columns)
    logits = logit_errors(facts, arithmetic, dtype)
    weights = weight_errors(facts, logits, arithmetic)
    out, lse = _bounds(facts, logits, weights, arithmetic)
    own_out, own_lse = _own(facts, logits, weights, arithmetic, out, lse)
    if outputs is not None and may_gain(facts, outputs):
        by_chance = random_sign_bound(facts, weights, arithmetic, outputs)
        out = np.fmin(out, by_chance if logits.overflow is None else np.where(logits.overflow, np.inf, by_chance))
    out, lse = out + own_out, lse + own_lse
    if facts.spoiled is not None:
        out[facts.spoiled] = np.inf
    out[np.isnan(out)] = np.inf
    lse[np.isnan(lse)] = np.inf
    empty = facts.empty[..., 0]
    lse[empty] = 0.0
    if given.empty_rows != "mean" or given.k.shape[2] == 0:
        out[empty] = 0.0
    return out, lse, own_out


def _bounds(facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """Level D for the output and the logsumexp."""
    out = output_bound(facts, weights, arithmetic)
    lse = logsumexp_bound(facts, logits, weights, arithmetic)
    if logits.overflow is not None:
        out = np.where(logits.overflow, np.inf, out)
        lse = np.where(logits.overflow[..., 0], np.inf, lse)
    return out, lse


def _own(facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic, out: Array, lse: Array) -> tuple[Array, Array]:
    """How far the reference itself may lie from exact: a share of the bounds at hand, or bounds of its own."""
    share = own_share(facts, logits, weights, arithmetic)
    if share is not None:
        return share * out, share * lse
    logits = logit_errors(facts, REFERENCE, "float64")
    return _bounds(facts, logits, weight_errors(facts, logits, REFERENCE), REFERENCE)


def _probable(given: Inputs, attended: Attended, arithmetic: Arithmetic, dtype: str, own: Array) -> Array:
    """Level P with the reference's own error. The facts are made again: few who are judged are asked for it."""
    with np.errstate(all="ignore"):
        return probable_bound(facts_of(given, attended), arithmetic, dtype) + own
