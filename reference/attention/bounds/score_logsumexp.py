"""Score tests on the logsumexp, which shows a wrong scale or a lost key more sharply than any output does.

Scores that are off by ε_ij move the logsumexp of row i by Σ_j p_ij ε_ij. A scale that is too large by the share β has
ε = β·t with t = scale·q·k, so the direction is g_i = Σ_j p_ij t_ij, and as p favours large t, all rows agree on it. V has no
part in this, and where row sums are taken from unrounded weights neither has their rounding.

As V has no part, its random signs average nothing out. What repeats from row to row (the exponential, the logarithm, the
rounding of maxima) is therefore no scatter: all of it is allowed for, as if it pointed along g in every row. The same holds
of the last rounding where a logsumexp is stored in half precision: over a few dozen keys it takes few different values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rounding import unit_in_last_place
from .logsumexp import logarithm_error
from .score import Estimate, Noise, operand_scatter

__all__ = ["logsumexp_offset", "logsumexp_scale"]

Array = NDArray[Any]


def logsumexp_scale(noise: Noise, lse: Array) -> Estimate:
    """How much too large the scale of q·k is, relative, as the logsumexp (B, Hq, R) of a kernel, in its own dtype, shows it."""
    return _along(noise, lse, _slope(noise))


def logsumexp_offset(noise: Noise, lse: Array) -> Estimate:
    """By how much the logsumexp is too large on average: log of the factor by which row sums are."""
    return _along(noise, lse, np.ones_like(noise.facts.lse))


def _slope(noise: Noise) -> Array:
    """dlse/dlog(scale) = Σ_j p_ij t_ij, (B, Hq, R, 1)."""
    return np.asarray((noise.weights * noise.tilted).sum(-1, keepdims=True))


def _along(noise: Noise, lse: Array, direction: Array) -> Estimate:
    """β along one direction (B, Hq, R, 1); a scalar."""
    facts, parts, g = noise.facts, noise.variance, direction * noise.live
    size = float((g * g).sum())
    if size == 0:
        return Estimate(np.array(0.0), np.array(np.inf), np.array(0.0))
    with np.errstate(all="ignore"):
        error = np.where(noise.live, lse.astype(np.float64)[..., None] - facts.lse, 0.0)
    stored = unit_in_last_place(facts.lse, str(lse.dtype)) / 2

    influence, shared = g * noise.weights, not all(parts.one_sided)
    square = float((parts.logits * influence**2).sum() + (parts.common * g * g).sum()) + operand_scatter(noise, influence)
    if shared:
        square += float(((g * parts.rounded) ** 2).sum())
    repeats = lse.dtype.itemsize < np.dtype(np.float32).itemsize
    square = noise.own * square + float(((g * stored) ** 2).sum()) * (not repeats)

    repeated = (
        (noise.weights * parts.systematic).sum(-1, keepdims=True) + noise.second + logarithm_error(facts, noise.arithmetic)
    )
    repeated = repeated + noise.effect + noise.rounding_effect * shared + stored * repeats
    allowed = float((np.abs(g) * repeated * noise.live).sum()) + noise.lean * abs(float((g * _slope(noise)).sum()))
    return Estimate(np.array(float((error * g).sum()) / size), np.array(math.sqrt(square) / size), np.array(allowed / size))
