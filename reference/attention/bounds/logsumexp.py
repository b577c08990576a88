"""How far a computed logsumexp may lie from the exact one, before it is stored.

The computed row sum, brought back from the computed maximum, is Σ exp(s_j)(1+κ_j), times 1+μ, less what underflows. Its
logarithm moves by at most log Σ p_j exp(Λ_j) = log(1 + Σ pK) upwards, and by −log Σ p_j exp(−Λ_j) downwards, which is not more
(Cauchy and Schwarz: the two sums multiply to at least 1), and by no more than max Λ_j either way. μ adds −log(1 − γ_{n+T}).
Then the logarithm, its product with log 2, the product of the maximum, and their sum are rounded.

V has no part in this and, where the row sum is taken from unrounded weights, neither has their rounding: the bound is then
the same for all input dtypes, and the logsumexp sees wrong scales, masks and key counts that no output can show.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, Arithmetic
from ...roundoff import gamma
from .facts import Facts
from .logits import Logits
from .output import row_sums
from .weights import Weights

__all__ = ["logarithm_error", "logsumexp_bound"]

Array = NDArray[Any]


def logsumexp_bound(facts: Facts, logits: Logits, weights: Weights, arithmetic: Arithmetic) -> Array:
    """(B, Hq, R). NaN where no bound exists."""
    u = arithmetic.u_acc
    rounded = row_sums(arithmetic)[-1]
    common = ROUNDOFF[arithmetic.stored_weights] if rounded and arithmetic.stored_weights else 0.0
    lost = (weights.lost_rounded if rounded else weights.lost_sum) / (weights.least_sum * (1 - common))
    row_sum = gamma(facts.count + weights.rescalings + (facts.sink is not None), u)
    shared = np.fmin(np.log1p(weights.mean), weights.largest)
    relative = shared - np.log1p(-common) - np.log1p(-np.minimum(row_sum, 1)) - np.log1p(-np.minimum(lost, 1))
    return np.asarray((relative + logarithm_error(facts, arithmetic, logits.shift))[..., 0])


def logarithm_error(facts: Facts, arithmetic: Arithmetic, shift: Array | float = 0.0) -> Array:
    """What the logarithm and all that follows it add, (B, Hq, R, 1). shift: error of the row's maximum."""
    offset = abs(math.log(arithmetic.weights_scale))  # in the row sum, and taken from its logarithm
    logarithm = np.abs(facts.lse - facts.best) + offset  # the larger one: the maximum may leave out the sink
    maximum = np.abs(facts.top) + np.abs(facts.top - facts.best) + shift + offset
    rounded = arithmetic.u_acc * (4 * maximum + 4 * np.abs(facts.lse) + 2 * logarithm)
    return np.asarray(arithmetic.u_log * np.maximum(1, logarithm) + rounded)
