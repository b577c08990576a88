"""How far random feature attention with a given projection may lie from exact, in whatever order it is evaluated.

Let φ(1 + δ) be a computed feature, |δ| ≤ Δ = e^E (1 + u_exp)(1 + u)³ − 1 as `rounding` derives it. Both sides of the quotient
are made of the same computed features, so their error is one of weights: w_ij = φ(q_i)·φ(k_j) becomes w_ij (1 + κ_ij) with

    |κ_ij| ≤ K_ij = [Φ⁺(q_i)·Φ⁺(k_j)] / [φ(q_i)·φ(k_j)] − 1,   Φ⁺ = φ(1 + Δ),

and with p the exact weights of a row, divided by their sum, the quotient moves by

    o' − o = Σ_j p_j κ_j (v_j − o) / (1 + Σ_j p_j κ_j),   |o' − o| ≤ √(Σ p K²) · sd / (1 − Σ p K),   sd² = Σ p (v − o)².

It stays within the values, too. What is rounded on one side alone (a feature that is rounded before it meets V and not before
it is summed, a state, a score, every addition) is a factor 1 + ν of each term there, |ν| ≤ N: it is weighted by Σ p |v| above
and by |o| below. What falls below the smallest number is lost absolutely, in whatever frame of constants c a kernel works, so
it counts in the worst: constants as large as the largest product w·x̃, of a query for that query, of all keys for every key.
Together, with g of the division and L the share of a row's sum that may be lost,

    |ô − o| ≤ [(E1 + E2)(1 + g) + |o| (N + L + g)] / (1 − N − L),   E2 = (N Σ p (1 + K) |v|) / (1 − Σ p K) + L max(|v|, 1).

This is a theorem about every order of summation and every constant c up to that one. The inputs and the projection are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import LARGEST as LARGEST_OF
from ..arithmetic import REFERENCE, Arithmetic
from .definition import Attended, attended, features, half_square
from .reading import RandomFeatures, read
from .rounding import LOST, FeatureRoundings

__all__ = ["RandomJudgement", "judge_random"]

Array = NDArray[Any]

CERTAIN = 600.0
"""The largest logarithm of a share that is looked at: beyond it nothing is promised anyway."""


@dataclass(frozen=True, eq=False)
class RandomJudgement:
    """out: (B, H, Sq, Dv), exact; out_bound: how far an output may lie from it before it is rounded, in the same shape."""

    out: Array
    out_bound: Array


def judge_random(q: Any, k: Any, v: Any, *, arithmetic: Arithmetic, dtype: str, **options: Any) -> RandomJudgement:
    """The exact answer of a call with the bound that an arithmetic must keep, that of the float64 reference included.

    dtype: of the inputs and the output. Raises ValueError as `reading.read` does.
    """
    given = read(q, k, v, **options)
    exact = attended(given)
    bound = _Call(given, exact, arithmetic, dtype).bound()
    if arithmetic.u_acc > REFERENCE.u_acc:
        bound = bound + _Call(given, exact, REFERENCE, dtype).bound()
    with np.errstate(invalid="ignore"):
        fits = np.abs(exact.out) + bound <= LARGEST_OF[dtype]
    return RandomJudgement(exact.out, np.where(fits, bound, np.inf))


class _Call:
    """One call in one arithmetic."""

    def __init__(self, given: RandomFeatures, exact: Attended, arithmetic: Arithmetic, dtype: str) -> None:
        self.given, self.exact = given, exact
        self.rounds = FeatureRoundings(arithmetic, dtype, given.q.shape[3], features(given))
        self.query, self.key = (_Vectors.of(given, x) for x in (given.q, given.k))
        largest = max(float((side.sizes + side.half).max(initial=0.0)) for side in (self.query, self.key))
        for side in (self.query, self.key):
            side.error = self.rounds.exponent(side.sizes, side.half, largest)
        self.count = given.visible.sum(axis=1)[:, None]  # keys that a row reads, (Sq, 1)

    def bound(self) -> Array:
        """(B, H, Sq, Dv)."""
        rounds, v, out = self.rounds, self.given.v, self.exact.out
        with np.errstate(all="ignore"):
            p, total = self._weights()
            common = self._common()
            mean = (p * common).sum(axis=-1, keepdims=True)
            least = 1 - mean
            spread = np.maximum(np.einsum("bhqs,bhse->bhqe", p, v**2) - out**2, 0.0)
            spread = np.sqrt(spread + 4e-16 * np.einsum("bhqs,bhse->bhqe", p, v**2))
            high, low = self._extremes()
            moved = np.sqrt((p * common**2).sum(axis=-1, keepdims=True)) * spread / least
            moved = np.minimum(moved, np.maximum(out - low, high - out))
            one_sided, lost = rounds.sums(self.count), self._lost(total)
            size = np.einsum("bhqs,bhse->bhqe", p * (1 + common), np.abs(v))
            most = np.maximum(np.abs(low), np.abs(high))
            numerator = one_sided * np.minimum(size / least, most) + lost * np.maximum(most, 1.0) + rounds.arithmetic.least
            left = 1 - one_sided - lost
            found = ((moved + numerator) * (1 + rounds.division) + np.abs(out) * (one_sided + lost + rounds.division)) / left
            known = (least > 0) & (left > 0) & self._in_range() & np.isfinite(found)
        return np.where(known, found, np.inf)

    def _weights(self) -> tuple[Array, Array]:
        """p (B, H, Sq, Sk), and the logarithm of a row's sum of φ·φ (B, H, Sq, 1)."""
        shown = np.where(self.exact.visible, self.exact.kernel, -np.inf)
        top = shown.max(axis=-1, keepdims=True, initial=-np.inf)
        made = np.exp(shown - top)
        total = made.sum(axis=-1, keepdims=True)
        return np.where(self.exact.visible, made / total, 0.0), top + np.log(total)

    def _common(self) -> Array:
        """K, (B, H, Sq, Sk), from features relative to the largest of each vector."""
        factor = (1 + self.rounds.feature(self.given.k.shape[2])) ** 2
        sides = [(side.logarithms, side.logarithms + side.error) for side in (self.query, self.key)]
        plain, inflated = (
            np.exp(sides[0][n] - self.query.top) @ np.exp(sides[1][n] - self.key.top).swapaxes(-1, -2) for n in (0, 1)
        )
        # Where no feature is large in both vectors the product underflows, and the largest error of any feature stands in.
        worst = np.exp(self.query.error.max(axis=-1)[..., :, None] + self.key.error.max(axis=-1)[..., None, :])
        growth = np.where(plain > 1e-280, inflated / np.where(plain > 1e-280, plain, 1.0), worst)
        common: Array = np.maximum(growth * factor - 1, 0.0)
        return common

    def _extremes(self) -> tuple[Array, Array]:
        """The largest and the smallest value that a row reads, (B, H, Sq, Dv)."""
        v, seen = self.given.v, self.given.visible
        if self.given.causal:
            return np.maximum.accumulate(v, axis=2), np.minimum.accumulate(v, axis=2)
        shape = (*v.shape[:2], seen.shape[0], v.shape[3])
        ends = (v.max(axis=2, keepdims=True, initial=-np.inf), v.min(axis=2, keepdims=True, initial=np.inf))
        return np.broadcast_to(ends[0], shape), np.broadcast_to(ends[1], shape)

    def _lost(self, total: Array) -> Array:
        """L, the share of a row's sum that may be lost below the smallest number, (B, H, Sq, 1)."""
        rounds, seen = self.rounds, self.given.visible.astype(np.float64)
        frame_q = np.maximum(self.query.products.max(axis=-1, keepdims=True), 0.0)
        frame_k = max(0.0, float(self.key.products.max(initial=0.0)))
        m = math.log(rounds.m)
        of_query = self.query.top + np.log(np.exp(self.query.logarithms - self.query.top).sum(axis=-1, keepdims=True))
        peak = self.key.top.max(axis=2, keepdims=True, initial=-np.inf)
        sums = np.exp(self.key.logarithms - peak).sum(axis=-1, keepdims=True)
        of_keys = peak + np.log(np.einsum("qs,bhse->bhqe", seen, sums))
        # Features without their 1/√m: a row's sum is larger by log m, and each sum of features by half of it. A loss of a
        # feature meets all features of the other side; a score is lost as a whole.
        row = total + m
        feature, number = math.log(rounds.lost_feature), math.log(LOST * rounds.arithmetic.least)
        parts = (
            feature + frame_q + of_keys + m / 2 - row,
            feature + frame_k + of_query + m / 2 + np.log(self.count) - row,
            feature + frame_q + frame_k + np.log(self.count) - total,
            number + frame_q + frame_k + np.log(self.count) + m - row,
        )
        return np.asarray(sum(np.exp(np.minimum(part, CERTAIN)) for part in parts))

    def _in_range(self) -> Array:
        """Whether no number that is stored is too large where nothing is subtracted, bool (B, H, Sq, 1): features, weights of
        keys, and sums of features times values over all keys."""
        limit, m = math.log(self.rounds.largest), math.log(self.rounds.m)
        value = math.log(max(1.0, float(np.abs(self.given.v).max(initial=0.0))))
        keys = self.key.top.max(axis=(2, 3), initial=-np.inf)[..., None, None]
        state = keys + value + math.log(max(1, self.given.k.shape[2]))
        weight = np.where(self.exact.visible, self.exact.kernel, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
        fits = (self.query.top <= limit) & (state <= limit) & (weight <= limit)
        return np.asarray(fits & (self.query.top + state + m <= self.rounds.widest))


@dataclass(eq=False)
class _Vectors:
    """Queries or keys: products w·x̃, their sizes U, h, log φ, each (B, H, S, m) but h (B, H, S, 1); top: the largest log φ of
    each vector (B, H, S, 1); error: E, filled in later."""

    products: Array
    sizes: Array
    half: Array
    logarithms: Array
    top: Array
    error: Array

    @classmethod
    def of(cls, given: RandomFeatures, x: Array) -> _Vectors:
        root, w = math.sqrt(given.scale), np.swapaxes(given.projection, -1, -2)
        products, half = (root * x) @ w, given.scale * half_square(x)
        sizes = (root * np.abs(x)) @ np.abs(w)
        logarithms = products - half - math.log(features(given)) / 2
        return cls(products, sizes, half, logarithms, logarithms.max(axis=-1, keepdims=True), np.zeros_like(sizes))
