"""Whether weights are rounded before they meet V, before or after they are normalised, and what the row sum is made of.

Each answer predicts other numbers. Of each four keys one has score 0, the others −x, with another x in each row. Features of
constant V give the sum of the weights that met V over the row sum: 1 + η where only one of them was rounded. In the others the
values nearly cancel, so that the little that rounding leaves is not lost when the output is rounded. Predictions are made in
float64, and every one that is off by more than float32 and the declared exponential can be is struck out; a row in which
they might have rounded a weight the other way strikes out nothing. What is left is the reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...reference.arithmetic import ROUNDOFF
from ...reference.rounding import round_to
from ..engine.subject import Subject
from .asking import FEATURES, outputs

__all__ = ["Rounding", "rounding"]

LEVELS = np.tile([0.0, 1.0, 1.0, 1.0], 4)
"""Keys, as many as the smallest tile has: the maximum is known before any weight is rounded, in each of four splits too."""

ROWS = np.arange(1, 64) / 16
"""x of each row; some exp(−x) lie just above a number of the dtype, some just below one."""

ROOM = 2.0**-19
"""What float32 may do to sums of sixteen weighted values, relative to their size: far less than a rounding to half."""

PLAIN = ("unrounded", "unrounded", "")


@dataclass(frozen=True)
class Rounding:
    """weights: "unrounded", "before" or "after" normalisation. row_sum: from "unrounded" or "rounded" weights.

    stored: the dtype of the rounded weights, None for unrounded ones. All three None: no answer, or more than one, fits.
    """

    weights: str | None
    row_sum: str | None
    stored: str | None = None


def rounding(subject: Subject) -> Rounding:
    """What the weights go through before they meet V. Raises NotClaimed, Raised and Broken as `Subject.out` does."""
    weights = np.exp(-ROWS[:, None] * LEVELS)
    values = _values(weights, subject.dtype)
    got = outputs(subject, ROWS, LEVELS, values)
    error = ROOM + subject.arithmetic.u_exp
    room = error * (weights @ np.abs(values)) / weights.sum(-1, keepdims=True)
    left = []
    for answer, (predicted, doubtful) in _predictions(weights, values, subject.dtype, error).items():
        low, high = (round_to(predicted + sign * room, subject.dtype) for sign in (-1, 1))
        if (((low <= got) & (got <= high)) | doubtful[:, None]).all():
            left.append(answer)
    weights_, row_sums, dtypes = (set(each) for each in zip(*left, strict=True)) if left else (set(), set(), set())
    return Rounding(*(parts.pop() if len(parts) == 1 else None for parts in (weights_, row_sums, dtypes)))


def _values(weights: Any, dtype: str) -> Any:
    """(16, 16): two constant features, and features of which each nearly cancels in one row."""
    kept = "bfloat16" if dtype == "float32" else dtype  # few bits, which a multiplier that reads few of them reads too
    values = round_to(np.random.default_rng(5).standard_normal((len(LEVELS), FEATURES)), kept)
    values[:, :2] = 2 - 2 * ROUNDOFF[kept]  # just below 2 the numbers lie closest together, relatively
    for feature in range(2, FEATURES):
        row = weights[4 * feature - 6]
        values[0, feature] = round_to(-(row[1:] @ values[1:, feature]) / row[0], kept)
    return values


def _predictions(weights: Any, values: Any, dtype: str, error: float) -> dict[tuple[str, ...], tuple[Any, Any]]:
    """For each way of rounding its output, (rows, features), and the rows in which a weight is too near a tie, (rows,)."""
    total = weights.sum(-1, keepdims=True)
    made: dict[tuple[str, ...], tuple[Any, Any]] = {PLAIN: (weights @ values / total, np.zeros(len(weights), dtype=bool))}
    for stored in ("float16", "bfloat16") if dtype == "float32" else (dtype,):
        low, high = round_to(weights, stored), round_to(weights / total, stored)
        before, after = (_doubtful(x, stored, error) for x in (weights, weights / total))
        made["before", "unrounded", stored] = low @ values / total, before
        made["before", "rounded", stored] = low @ values / low.sum(-1, keepdims=True), before
        made["after", "unrounded", stored] = high @ values, after
    return made


def _doubtful(weights: Any, stored: str, error: float) -> Any:
    """Rows in which an error of the weights may round one of them the other way."""
    return (round_to(weights * (1 - error), stored) != round_to(weights * (1 + error), stored)).any(-1)
