"""How exact the row sum is over many keys, read through the logsumexp, and told apart from the exponential.

One key has score 0 and n have −x. What exp(0) and exp(−x) are is known from the row sum of two keys, so what is left is the
error of adding them: float32 sums one after the other lose about n/2 units where all terms are alike, sums by halves a few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...reference.rounding import unit_in_last_place
from ..engine.subject import Subject
from .asking import form_of, logsumexps
from .exp import two_levels

__all__ = ["LENGTHS", "SumError", "row_sum_errors"]

LENGTHS = (64, 512, 4096)
"""Numbers of keys; of as many queries the last are too many."""

STEEPEST = 1.0
"""The largest x: what exp(−x) is, is known the less exactly the smaller it is."""


@dataclass(frozen=True)
class SumError:
    """keys: how many. relative: the error of their sum as a share of it. resolution: the least that can show."""

    keys: int
    relative: float
    resolution: float


def row_sum_errors(subject: Subject) -> list[SumError]:
    """The largest error of the row sum for each number of keys.

    Raises NotClaimed where the implementation does not return the logsumexp, and Raised and Broken as `Subject.attend` does.
    """
    x, at_zero, at_x = two_levels(subject)
    x, at_zero, at_x = (each[x <= STEEPEST] for each in (x, at_zero, at_x))
    found = []
    for count in LENGTHS[: 2 if form_of(subject).each == "last" else 3]:
        got = logsumexps(subject, x, np.minimum(np.arange(count), 1.0))
        total = at_zero + (count - 1) * at_x
        errors = np.exp(got) / total - 1
        resolution = unit_in_last_place(got, "float32") + 2.0**-23 * np.exp(x)
        worst = int((np.abs(errors) - resolution).argmax())
        found.append(SumError(count, float(errors[worst]), float(resolution[worst])))
    return found
