"""How good the exponential is, read through the logsumexp of two keys.

One key has score 0, one −x, and all others lie so far below that they weigh nothing: they are there because a kernel may take
another path where there are few. So the row sum is exp(0) + exp(−x), one addition, and no error of a long sum is taken for one
of the exponential; `row_sum` reads that. Where the row sum is made of rounded weights, their rounding is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...reference.arithmetic import LARGEST
from ...reference.rounding import unit_in_last_place
from ..engine.subject import Subject
from .asking import form_of, held, logsumexps

__all__ = ["ExpError", "exp_error", "two_levels"]

KEYS = 64
"""Keys in all: enough that a kernel takes its vector path and not the scalar one for the rest."""

ARGUMENTS = np.arange(1, 65) / 16
"""Values of x, one a row."""

NOTHING = 24.0
"""A key whose score is −24 or less counts for less than the last bit of a row sum of 1, and so do 62 of them."""

IN_UNITS = 3
"""Units in the last place by which a good logarithm may be off."""


@dataclass(frozen=True)
class ExpError:
    """at_zero: exp(0) − 1. worst: the relative error of exp(−x) at the x where it stands out most.

    Each has its resolution, the least error that a float32 logsumexp and row sum can show.
    """

    at_zero: float
    zero_resolution: float
    worst: float
    x: float
    resolution: float


def exp_error(subject: Subject) -> ExpError:
    """The errors of the implementation's exponential at 0 and at a few −x.

    Raises NotClaimed where it does not return the logsumexp, and Raised and Broken as `Subject.attend` does.
    """
    x, at_zero, at_x = two_levels(subject)
    relative = at_x / np.exp(-x) - 1
    resolution = _resolution(1 + np.exp(-x)) * np.exp(x)
    worst = int((np.abs(relative) - resolution).argmax())
    largest = int(np.abs(at_zero - 1).argmax())
    return ExpError(
        at_zero=float(at_zero[largest] - 1),
        zero_resolution=float(_resolution(np.ones(1))[0]),
        worst=float(relative[worst]),
        x=float(x[worst]),
        resolution=float(resolution[worst]),
    )


def two_levels(subject: Subject) -> tuple[Any, Any, Any]:
    """Values of x, and what exp(0) and exp(−x) are, each (R,)."""
    far = min(1024.0, 2.0 ** np.floor(np.log2(LARGEST[subject.dtype])))
    x = held(ARGUMENTS, subject.dtype, form_of(subject))
    x = x[x * far >= NOTHING]
    alone, both = np.full(KEYS, far), np.full(KEYS, far)
    alone[0], both[:2] = 0.0, (0.0, 1.0)
    at_zero = np.exp(logsumexps(subject, x, alone))
    return x, at_zero, np.exp(logsumexps(subject, x, both)) - at_zero


def _resolution(total: Any) -> Any:
    """What a row sum in float32 and its logarithm leave unseen of it, absolutely."""
    unit = unit_in_last_place(np.log(total), "float32")
    return total * (2.0**-23 + IN_UNITS * unit)
