"""Score tests for all keys at once, and for the size of the error as a whole.

Each key j has two directions: its weight wrong by ε_j moves row i by p_ij ε_j (v_j − o_i), and its values wrong by δ_j move it
by p_ij δ_j. All estimates come from a few matrix products, and the largest by its own uncertainty names the key.

Roundings in other rows are independent, so squares are summed over the rows. Within a row the error of one weight, that of key
l, moves all features at once, by (v_l − o_i)·(v_j − o_i) along the direction of key j; where few keys share a row that is far
from random, so it is computed. What repeats in every row may add up: by Cauchy and Schwarz (Σ_i p_ij x_i)² ≤ Σ_i p_ij ·
Σ_i p_ij x_i², and random signs of V give the mean of x_i².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .score import Estimate, Noise, Residual, quantile
from .variance import weighted_spread

__all__ = ["key_weights", "roughness", "value_rows"]

Array = NDArray[Any]

LEAST = 2.0**-600
"""Squares of weights below this are near what float64 loses. Nothing of such a key shows."""


@dataclass(frozen=True, eq=False)
class _Angles:
    """Products of values: gram v_j·v_l (B, Hq, Sk, Sk), met o_i·v_j (B, Hq, R, Sk), own |o_i|² (B, Hq, R, 1)."""

    gram: Array
    met: Array
    own: Array

    @classmethod
    def of(cls, noise: Noise) -> _Angles:
        o, v = noise.facts.out, noise.facts.signed
        transposed = v.swapaxes(-1, -2)
        return cls(v @ transposed, o @ transposed, (o * o).sum(-1, keepdims=True))

    def apart(self) -> Array:
        """|v_j − o_i|², (B, Hq, R, Sk)."""
        lengths = np.diagonal(self.gram, axis1=-2, axis2=-1)[:, :, None, :]
        squares: Array = np.maximum(lengths - 2 * self.met + self.own, 0.0)
        return squares

    def through(self, weights: Array, about_zero: bool = False) -> Array:
        """Σ_l weights_il ((v_l − o_i)·(v_j − o_i))², or with v_l instead of v_l − o_i, (B, Hq, R, Sk)."""
        first, square = weights @ self.gram, weights @ self.gram**2
        leaned = weights * self.met
        about = square - 2 * leaned @ self.gram + (leaned * self.met).sum(-1, keepdims=True)
        if not about_zero:
            rest = self.own - self.met
            about += rest * (rest * weights.sum(-1, keepdims=True) + 2 * first - 2 * leaned.sum(-1, keepdims=True))
        return np.asarray(np.maximum(about, 0.0))


def key_weights(r: Residual) -> Estimate:
    """ε of each key, (B, Hkv, Sk): by how much its weight is off, relative; −1 for a key that was left out."""
    noise, facts, parts = r.noise, r.noise.facts, r.noise.variance
    p, o, v = noise.weights, facts.out, facts.signed
    angles = _Angles.of(noise)
    sizes = p * p * angles.apart()
    size = noise.keys(sizes.sum(2))

    def against(error: Array) -> Array:
        return noise.keys((p * (error @ v.swapaxes(-1, -2) - (error * o).sum(-1, keepdims=True))).sum(2))

    leaning = 0.0 if noise.leaning is None else np.abs(against(noise.leaning))

    logits, rounded = p * p * parts.logits, parts.rounded**2
    ways = [
        angles.through(logits) + angles.through(rounded, about_zero=True) if one_sided else angles.through(logits + rounded)
        for one_sided in parts.one_sided
    ]
    shared = np.maximum.reduce(ways) + parts.common * (angles.met - angles.own) ** 2
    if parts.operands or noise.arithmetic.u_block:
        shared = shared + parts.row * angles.through(p) + angles.through(p * p * parts.column)
    square = (p * p * shared).sum(2) + _apart_times(parts.accumulated + r.stored**2, p * p, noise)
    again = (p * angles.through((p * parts.systematic) ** 2)).sum(2)
    if noise.arithmetic.u_operand:
        again = again + _apart_times(noise.narrowed, p, noise)
    total = noise.keys(square) * noise.own + noise.keys(p.sum(2)) * noise.keys(again)
    return _estimate(against(r.error), size, total, noise.keys(((noise.effect + noise.second) * sizes).sum(2)) + leaning)


def _apart_times(each: Array, weights: Array, noise: Noise) -> Array:
    """Σ_i weights_ij Σ_d (v_jd − o_id)² each_id, (B, Hq, Sk): errors that features do not share."""
    o, v = noise.facts.out, noise.facts.signed
    stacked = np.concatenate((each, each * o, (each * o * o).sum(-1, keepdims=True)), axis=-1)
    first, second, third = np.split(weights.swapaxes(-1, -2) @ stacked, [v.shape[-1], 2 * v.shape[-1]], axis=-1)
    return np.asarray(np.maximum((v * v * first - 2 * v * second).sum(-1) + third[..., 0], 0.0))


def value_rows(r: Residual) -> Estimate:
    """δ of each value, (B, Hkv, Sk, Dv): how far the V that the kernel read lies from the V that it was given."""
    noise = r.noise
    p = noise.weights
    width = r.error.shape[-1]
    size = noise.keys((p * p).sum(2))[..., None]
    value, shared = np.split(noise.keys(p.swapaxes(-1, -2) @ np.concatenate((r.error, noise.repeated), -1)), [width], axis=-1)
    total = noise.keys((p * p).swapaxes(-1, -2) @ (noise.elements + r.stored**2)) + noise.keys(p.sum(2))[..., None] * shared
    leaning = 0.0 if noise.leaning is None else np.abs(noise.keys(p.swapaxes(-1, -2) @ noise.leaning))
    effect = noise.effect + noise.arithmetic.u_operand + noise.second
    allowed = noise.keys((p * p * effect).sum(2))[..., None] * np.max(np.abs(noise.facts.signed), initial=0.0)
    return _estimate(value, np.broadcast_to(size, value.shape), total, allowed + leaning)


def roughness(r: Residual) -> Estimate:
    """The sum of squared errors by what roundings make it on average; a correct kernel stays below 1. value, not value − 1.

    The average counts a rounding as uniform, a third of its largest square; but those of keys and values that many rows share
    in whole, because few of them do not average. It takes operands of many features.

    The tail is that of a weighted sum of chi-squares (B. Laurent, P. Massart, Ann. Statist. 28 (2000), lemma 1): 2·sqrt(x)·‖C‖
    + 2x·max C with x = λ²/2. Features of a row share the roundings of its weights. Each adds w_j (v_j − o_i)(v_j − o_i)ᵀ to
    the covariance C_i of the row, and ‖C_i‖² is at most Σ_jl w_j w_l ((v_j − o_i)·(v_l − o_i))², which is computed.
    """
    noise, parts = r.noise, r.noise.variance
    expected = (r.stored**2 + noise.elements) / 3 + noise.repeated
    if parts.operands or noise.arithmetic.u_block:
        moved = weighted_spread(noise.weights**2 * parts.column, noise.facts) + parts.row * noise.facts.spread**2
        expected = expected + 2 / 3 * moved * noise.live
    if noise.leaning is not None:
        expected = expected + noise.leaning**2
    total = float(expected.sum())
    if total == 0:
        return Estimate(np.array(0.0), np.array(np.inf), np.array(0.0))
    p = noise.weights
    angles = _Angles.of(noise)
    each = p * p * (parts.logits / 3 + parts.systematic**2)
    ways = [
        np.sqrt((each * angles.through(each)).sum(-1)) + np.sqrt((rounded * angles.through(rounded, one_sided)).sum(-1))
        for one_sided in parts.one_sided
        for rounded in (parts.rounded**2 / 3,)
    ]
    each = (r.stored**2 + parts.accumulated) / 3 + noise.narrowed
    alone = np.sqrt((each**2).sum(-1)) + (parts.common * angles.own)[..., 0] / 3
    rows = np.maximum.reduce(ways) + alone
    norm, largest = float(np.sqrt((rows**2).sum())), float(rows.max(initial=0.0))
    deviate = quantile(1)
    tail = (2**0.5 * deviate * norm + deviate**2 * largest) / total
    return Estimate(np.array(float((r.error**2).sum()) / total), np.array(tail / deviate), np.array(0.0))


def _estimate(value: Array, size: Array, square: Array, allowed: Array) -> Estimate:
    """value / size with its scatter and what is allowed; unknown where no row gives the key a weight to speak of."""
    seen = size > LEAST
    safe = np.where(seen, size, 1.0)
    return Estimate(np.where(seen, value / safe, 0.0), np.where(seen, np.sqrt(square) / safe, np.inf), allowed / safe)
