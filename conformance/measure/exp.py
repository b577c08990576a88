"""How good the exponential is, read through the logsumexp.

Over n keys of score 0 the logsumexp is log(n·exp(0)); with n more at −x it is log(n·exp(0) + n·exp(−x)). So exp(0) and
exp(−x) come out one by one, as sharp as the logsumexp is stored, and as the row sum holds them: where it is made of rounded
weights, their rounding is read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...reference.rounding import unit_in_last_place
from ..engine.subject import Subject
from .asking import FEATURES, held, logsumexps, problem

__all__ = ["ExpError", "exp_error"]

KEYS = 64
"""Keys at each score: enough that a kernel takes its vector path and not the scalar one for the rest."""

ARGUMENTS = np.arange(1, 65) / 16
"""Values of x, one a query."""


@dataclass(frozen=True)
class ExpError:
    """at_zero: exp(0) − 1. worst: the relative error of exp(−x) at the x where it stands out most.

    Each has its resolution, the least error that a float32 logsumexp can show.
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
    x = held(ARGUMENTS, subject.dtype)
    values = np.zeros((KEYS, FEATURES))
    alone = logsumexps(subject, problem(subject.dtype, x, np.zeros(KEYS), values))
    levels = np.repeat([0.0, 1.0], KEYS)
    both = logsumexps(subject, problem(subject.dtype, x, levels, np.zeros((2 * KEYS, FEATURES))))
    at_zero = np.exp(alone) / KEYS
    at_x = np.exp(both) / KEYS - at_zero
    unit = unit_in_last_place(both, "float32")
    relative = at_x / np.exp(-x) - 1
    resolution = unit * (2 + np.exp(-x)) * np.exp(x)
    worst = int((np.abs(relative) - resolution).argmax())
    largest = int(np.abs(at_zero - 1).argmax())
    return ExpError(
        at_zero=float(at_zero[largest] - 1),
        zero_resolution=float(unit_in_last_place(alone, "float32")[largest]),
        worst=float(relative[worst]),
        x=float(x[worst]),
        resolution=float(resolution[worst]),
    )
