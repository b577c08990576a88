"""Error of the gradient of each score, dx = P·κ·(dP − D), with κ the slope of softcap, 1 without.

    d̂x − dx = wrong·κ(dP − D) + P·e_κ(dP − D) + P̂κ̂·e_P − P̂κ̂·e_D + roundings,       but for the factor (1+ε) of the row,

e_P: the error of dO·v, at most γ_Dv·|dO|·|v|. e_D: the error of D, one number for a row. Where D = dO·ô it holds the error of
the output and its rounding, where it is a sum over the weights theirs. A row's e_D reaches dq through Σ P κ k, which is a mean
and not a sum of absolute values; so it is kept apart: `weight` is what multiplies it, at most.

Storing. Where weights are rounded to the input dtype before they meet a matrix, so is dx. Where differentiation saves weights
in a dtype, dP comes in that dtype. Where scores are stored in a dtype, each step of their gradient is: the products with dP and
with D, D itself, their difference, three more for a softcap, and the product with the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import LARGEST, ROUNDOFF, SMALLEST_NORMAL, Arithmetic
from ...rounding import unit_in_last_place
from ...roundoff import compounded, gamma
from .backward_weights import BackwardWeights, lower, narrowest
from .facts import Facts

__all__ = ["Downstream", "ScoreGradients", "Slope", "score_gradients", "slope_of", "widest"]

Array = NDArray[Any]


@dataclass(eq=False, slots=True)
class Downstream:
    """What the exact backward pass has for some rows. dout: (B, Hq, R, Dv), 0 in rows that see no key and give no mean.

    dp: (B, Hq, R, Sk), after dropout, 0 where hidden. delta: (B, Hq, R, 1). products: |dO|·|v|, (B, Hq, R, Sk).
    """

    dout: Array
    dp: Array
    delta: Array
    products: Array


@dataclass(eq=False, slots=True)
class Slope:
    """κ of softcap and its error, (B, Hq, R, Sk)."""

    exact: Array
    error: Array


@dataclass(eq=False, slots=True)
class ScoreGradients:
    """(B, Hq, R, Sk), 0 where hidden: exact |dx|; error, but for what e_D and ε add; size, which |d̂x|/(1+ε) never exceeds;
    mean P·κ, and weight of e_D, at most. delta: |e_D| at most, (B, Hq, R, 1)."""

    exact: Array
    error: Array
    size: Array
    mean: Array
    weight: Array
    delta: Array


def widest(arithmetic: Arithmetic) -> float:
    """The largest number of the accumulator."""
    return arithmetic.largest


def slope_of(raw: Array, error: Array, cap: float, arithmetic: Arithmetic) -> Slope:
    """1 − tanh²(x/cap) for scores x of a known error. tanh errs by twice u_tanh, as on its way to the scores."""
    y = np.abs(raw) / cap
    reach = error / cap + 3 * arithmetic.u_acc * y
    tanh = 2 * arithmetic.u_tanh
    stored = ROUNDOFF[arithmetic.stored_scores] if arithmetic.stored_scores else 0.0
    reach, tanh = lower(reach, y + reach, arithmetic.stored_scores, arithmetic), tanh + stored * (1 + tanh)
    exact, least, most = (1 / np.cosh(x) ** 2 for x in (y, y + reach, np.maximum(y - reach, 0.0)))
    moved = np.maximum(most - exact, exact - least)
    return Slope(exact, moved + 2 * tanh + tanh**2 + 4 * arithmetic.u_acc + compounded((3, stored)))


def score_gradients(
    facts: Facts,
    made: Downstream,
    weights: BackwardWeights,
    slope: Slope | None,
    out_bound: Array,
    arithmetic: Arithmetic,
    dtype: str,
    saved: bool,
) -> ScoreGradients:
    """The errors of dx. out_bound: of the forward pass before rounding, (B, Hq, R, Dv). dtype: of the inputs."""
    u, stored = arithmetic.u_acc, arithmetic.stored_scores
    p = np.where(facts.empty, 0.0, facts.weights)
    wrong = weights.wrong
    if slope is None:
        mean, changed = p, wrong
    else:
        mean, changed = p * slope.exact, wrong * (slope.exact + slope.error) + p * slope.error
    weight = mean + changed
    dp_error = _of_products(facts, made, arithmetic, dtype, saved)
    if saved:
        delta = _summed_delta(facts, made, weights, dp_error, arithmetic)
    else:
        delta = _stored_delta(facts, made, out_bound, arithmetic, dtype)
    away, steps = np.abs(made.dp - made.delta), 4 + 3 * (slope is not None)
    terms = np.abs(made.dp) + dp_error + np.abs(made.delta) + delta
    rounded = compounded((steps, u), (2, ROUNDOFF[stored] if stored else 0.0)) * weight * terms
    error = changed * away + weight * dp_error + rounded
    size = weight * (away + dp_error + delta) + rounded
    unit = min(1.0, facts.scale)
    for low in [stored] * (2 + 3 * (slope is not None)) + [arithmetic.stored_weights]:
        before = error
        error = lower(error, size, low, arithmetic, unit)
        size = size + (error - before)
        if low is not None:
            error = np.where(size * max(1.0, facts.scale) >= LARGEST[low], np.inf, error)
    lost = np.minimum(size, 8 * arithmetic.least / unit if unit else np.inf)
    found = ScoreGradients(mean * away, error + lost, size + lost, mean, weight, delta)
    return _shown(found, facts, weights)


def _of_products(facts: Facts, made: Downstream, arithmetic: Arithmetic, dtype: str, saved: bool) -> Array:
    """e_P, (B, Hq, R, Sk)."""
    u, width = arithmetic.u_acc, made.dout.shape[-1]
    slope, dropped = np.abs(made.dout), facts.share is not None
    growth = compounded((2, arithmetic.u_operand), (1, float(gamma(width + 1 + 2 * dropped, u))))
    read = arithmetic.least if SMALLEST_NORMAL[dtype] <= arithmetic.least else 0.0
    floor = arithmetic.least * (width + 2)
    error = growth * made.products + floor
    if read:
        error += read * (slope.sum(-1, keepdims=True) + facts.values.sum(-1)[:, :, None, :])
    if np.max(made.products, initial=0.0) >= widest(arithmetic):
        error = np.where(made.products >= widest(arithmetic), np.inf, error)
    if facts.share is not None:
        error = np.where(facts.share > 0, error * facts.share, 0.0)
    low = narrowest(arithmetic) if saved else arithmetic.stored_scores
    for _ in range(1 + dropped):
        error = lower(error, np.abs(made.dp) + error, low, arithmetic)
    return error if low is None else np.where(np.abs(made.dp) + error >= LARGEST[low], np.inf, error)


def _stored_delta(facts: Facts, made: Downstream, out_bound: Array, arithmetic: Arithmetic, dtype: str) -> Array:
    """e_D of D = dO·ô for an output that is rounded where it is stored, (B, Hq, R, 1)."""
    slope, reach = np.abs(made.dout), out_bound
    if arithmetic.stored_output is not None:
        held = dtype if arithmetic.stored_output == "input" else arithmetic.stored_output
        size = np.abs(facts.out) + reach
        flushed = arithmetic.least if SMALLEST_NORMAL[held] <= arithmetic.least else 0.0
        reach = reach + unit_in_last_place(size, held) / 2 + flushed
        reach = np.where(size >= LARGEST[held], np.inf, reach)
    width = slope.shape[-1]
    growth = compounded((2, arithmetic.u_operand), (1, float(gamma(width, arithmetic.u_acc))))
    error = np.vecdot(slope, reach) + growth * np.vecdot(slope, np.abs(facts.out) + reach)
    lost = arithmetic.least * (width + slope.sum(-1) + np.abs(facts.out).sum(-1))
    return np.asarray((error + lost)[..., None])


def _summed_delta(facts: Facts, made: Downstream, weights: BackwardWeights, dp_error: Array, arithmetic: Arithmetic) -> Array:
    """e_D of D = Σ_j P̂_j d̂P_j, (B, Hq, R, 1)."""
    stored = ROUNDOFF[arithmetic.stored_scores] if arithmetic.stored_scores else 0.0
    p = np.where(facts.empty, 0.0, facts.weights)
    size = np.abs(made.dp)
    wrong = weights.wrong * size + (p + weights.wrong) * dp_error
    summed = gamma(facts.count + 1, arithmetic.u_acc)
    growth = summed + stored * (1 + summed)
    wrong = wrong + growth * ((p + weights.wrong) * (size + dp_error))
    if facts.seen is not None:
        wrong = np.where(facts.seen, wrong, 0.0)
    error = wrong.sum(-1, keepdims=True) + arithmetic.least * (facts.count + 1)
    exact = np.abs(made.delta)
    error = (1 + weights.shared) * error + weights.shared * exact
    return lower(error, exact + error, arithmetic.stored_scores, arithmetic)


def _shown(found: ScoreGradients, facts: Facts, weights: BackwardWeights) -> ScoreGradients:
    """The same with 0 where hidden and infinity where a row has no bound; such a row has nothing left to share."""
    unknown = ~np.isfinite(weights.shared)
    lost = ~np.isfinite(found.delta) | unknown
    seen = np.ones_like(lost) if facts.seen is None else facts.seen
    found.delta = np.where(lost, 0.0, found.delta)
    weights.shared = np.where(unknown, 0.0, weights.shared)
    for name in ("exact", "error", "size", "mean", "weight"):
        value = getattr(found, name)
        if name in ("error", "size") and lost.any():
            value = np.where(lost, np.inf, value)
        if not np.isfinite(value.sum()):
            value = np.where(np.isnan(value), np.inf, value)
        setattr(found, name, value if facts.seen is None else np.where(seen, value, 0.0))
    met = seen | (facts.empty & (facts.count > 0))
    if unknown.any() or not np.isfinite(weights.met_wrong.sum() + weights.met.sum()):
        bad = unknown | ~np.isfinite(weights.met_wrong) | ~np.isfinite(weights.met)
        weights.met_wrong = np.where(bad, np.inf, weights.met_wrong)
        weights.met = np.where(np.isfinite(weights.met), weights.met, 0.0)
    if facts.seen is not None:
        weights.met_wrong, weights.met = (np.where(met, x, 0.0) for x in (weights.met_wrong, weights.met))
    return found
