"""The reals that a result may stand for: those that round to it, widened by what is allowed before rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference.rounding import preimage
from ..bounded import Bounded
from ..problems.problem import Problem

__all__ = ["around", "largest_share"]


def around(array: Any, allowed: Any) -> Bounded:
    """The reals that round to an output, widened by what is allowed before rounding."""
    value = array.astype(np.float64)
    low, high = preimage(array, str(array.dtype))
    with np.errstate(invalid="ignore", over="ignore"):
        low -= allowed
        high += allowed
    if np.isfinite(low).all() and np.isfinite(high).all():
        return Bounded(value, low, high)
    # Where the arithmetic promises nothing (scores that may overflow), NaN too is a possible answer.
    kept = np.isfinite(value) | np.isposinf(allowed)
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    return Bounded(value, np.where(kept, low, value), np.where(kept, high, value))


def largest_share(p: Problem, out: Any) -> Any:
    """What a relative error of weights is relative to: the output, where no value is below 0, else the largest value."""
    v = p.v.astype(np.float64)
    return np.abs(out.astype(np.float64)) if (v >= 0).all() else np.full(out.shape, np.abs(v).max(initial=0.0))
