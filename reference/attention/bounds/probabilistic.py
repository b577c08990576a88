"""Level P: where roundings behave like independent coins too. For information only, never for a verdict.

Hypothesis: all roundings of a kernel are independent and centred. Then n of them do together what λ·sqrt(n) do at their
worst, not n (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41, 2019; Ipsen
and Zhou, Probabilistic error analysis for inner products, SIAM J. Matrix Anal. Appl. 41, 2020). So level P is level R with
min(n, λ·sqrt(n)) instead of each count n: the features of a dot product, the additions of a row sum, those of the output.

The hypothesis is false for structured data: many equal weights all round the same way, and with V > 0 their errors add up to
several times this bound. With random signs of V such errors do not add up. So it is asked for beside level R only, and it says
how large errors usually are, which a bound for all kernels cannot.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import Arithmetic
from ...roundoff import gamma
from .facts import Facts
from .logits import logit_errors
from .random_signs import concentrated, deviations
from .weights import weight_errors

__all__ = ["probable_bound"]

Array = NDArray[Any]


def probable_bound(facts: Facts, arithmetic: Arithmetic, dtype: str) -> Array:
    """The bound of level P, (B, Hq, R, Dv). NaN or infinite where none exists."""
    sums = facts.out.size * (facts.scores.shape[-1] + 1)
    factor = deviations(4 * sums)  # a dot product and a partial sum for each output and key, and their row's sum

    def few(n: Any, u: float) -> Any:
        return gamma(np.minimum(n, factor * np.sqrt(n)), u)

    shorter = replace(facts, features=min(facts.features, math.ceil(factor * math.sqrt(facts.features))))
    logits = logit_errors(shorter, arithmetic, dtype)
    bound = concentrated(shorter, weight_errors(shorter, logits, arithmetic), arithmetic, facts.out.size, few)
    return bound if logits.overflow is None else np.where(logits.overflow, np.inf, bound)
