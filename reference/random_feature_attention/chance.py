"""What chance does to estimates by random features, as theorems: how far means, and squares, lie from their expectations.

All randomness of an estimate sits in one number. With z = x̃ + ỹ and s = |z|,

    φ(x)·φ(y) / exp(x̃·ỹ) = (1/m) Σ_r X_r,   X_r = exp(w_r·z − s²/2),

and w_r·z is normal with variance s², whatever D and the data are. So X is lognormal with mean 1 and variance exp(s²) − 1, and
the mean over n independent X leaves an interval around 1 with a chance that a Chernoff bound limits. Above, where exp(λX) has
no expectation, X is cut off at a b that none of the n exceeds but with a small chance:

    P(mean ≥ 1 + t) ≤ n P(X > b) + inf_λ exp(−n λ (1 + t)) (E[exp(λX); X ≤ b] + P(X > b))ⁿ,
    P(mean ≤ 1 − t) ≤ inf_λ exp(n λ (1 − t)) (E[exp(−λX)])ⁿ.

Rows that are orthogonal in blocks of D are no longer independent within a block. By convexity of exp the mean of a block has
expectations of exponentials no larger than those of X, so the same bounds hold with the number of blocks instead of n.

The square (M − 1)² of an estimate M = mean of m features is (exp(s²) − 1)/m on average. Its distribution is that of a sum of m
lognormals, computed here on a lattice by Fourier transform, and a sum of such squares is bounded in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["FALSE_ALARM", "deviate", "mean_room", "square_room", "variance"]

Array = NDArray[np.float64]

FALSE_ALARM = 1e-6
"""The chance that a correct implementation is rejected on one problem in which it draws its own features."""

NODES = np.linspace(-10.0, 10.0, 801)
"""Of the normal variable, for integrals of smooth functions by the trapezoidal rule, whose error here is far below rounding."""

DENSITY = np.exp(-(NODES**2) / 2) * (NODES[1] - NODES[0]) / math.sqrt(2 * math.pi)

TRIED = np.geomspace(1.0, 24.0, 33)
"""λ times the scatter of the sum: those that are tried for the best bound, which lies near the quantile."""

FINE, LONG = 2.0**-6, 1 << 16
"""The lattice on which sums of X live: its spacing, and how many points it has before it wraps around, 512 on either side of
the mean. For s up to 1 a sum of a few thousand lies outside with a chance of 1e-11; the spacing changes a variance by 1e-4."""


def variance(square: float) -> float:
    """Of one X, exp(s²) − 1, from s²."""
    return math.expm1(square)


@lru_cache(maxsize=4096)
def mean_room(square: float, count: int, chance: float, rows: int | None = None) -> tuple[float, float]:
    """(low, high): the mean of `count` independent X lies outside [1 − low, 1 + high] with a chance of at most `chance`.

    square: s². rows: how many X there are, if each of the `count` is a mean of several, which may depend on each other.
    """
    if square == 0:
        return 0.0, 0.0
    off = np.exp(math.sqrt(square) * NODES - square / 2) - 1
    lowest = _least(lambda rate: float(DENSITY @ np.exp(-rate * off)), count, variance(square), 2 / chance)
    past = chance / 4 / (count if rows is None else rows)
    cut = deviate(past) + (NODES[1] - NODES[0])
    kept = cut >= NODES
    highest = _least(lambda rate: float(DENSITY[kept] @ np.exp(rate * off[kept])) + past, count, variance(square), 4 / chance)
    return min(1.0, lowest), highest


@lru_cache(maxsize=512)
def square_room(square: float, m: int, count: int, chance: float) -> tuple[float, float]:
    """(low, high): how far the mean of `count` independent squares (M − 1)², each of an estimate by m features, lies from its
    expectation (exp(s²) − 1)/m: outside [1 − low, 1 + high] times it with a chance of at most `chance`. square: s².
    """
    sizes, chances = _squares(square, m)
    due = variance(square) / m
    off, second = sizes / due - 1, float(chances @ (sizes / due - 1) ** 2)
    order = np.argsort(sizes)
    tail = np.cumsum(chances[order][::-1])[::-1]
    past = chance / 4 / count
    kept = sizes <= sizes[order][min(int(np.searchsorted(-tail, -past)) + 1, len(sizes) - 1)]
    lowest = _least(lambda rate: float(chances @ np.exp(-rate * off)), count, second, 2 / chance)
    highest = _least(lambda rate: float(chances[kept] @ np.exp(rate * off[kept])) + past, count, second, 4 / chance)
    return min(1.0, lowest), highest


def deviate(chance: float) -> float:
    """What a standard normal number exceeds with a chance."""
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) / 2 > chance else (low, middle)
    return high


def _least(moment: Callable[[float], float], count: int, second: float, odds: float) -> float:
    """The least t of which a Chernoff bound says P(mean off by t) ≤ 1/odds. moment: E[exp(rate · off)] of one."""
    need = math.log(odds) / count
    found = math.inf
    for tried in TRIED:
        rate = float(tried) / math.sqrt(count * second)
        with np.errstate(over="ignore"):
            value = moment(rate)
        found = min(found, (need + math.log(value)) / rate if value < math.inf else math.inf)
    return found


@lru_cache(maxsize=16)
def _squares(square: float, m: int) -> tuple[Array, Array]:
    """(M − 1)² and its chances, for M the mean of m features, over the lattice."""
    s = math.sqrt(square)
    edges = (np.log(np.maximum(FINE * (np.arange(LONG + 1) - 0.5), 1e-300)) + square / 2) / s
    below = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in edges])
    one = np.diff(below)
    sums = np.maximum(np.fft.irfft(np.fft.rfft(one) ** m, LONG), 0.0)
    places = np.arange(LONG) * FINE
    whole = LONG * FINE
    off = (places - m * float(one @ places) + whole / 2) % whole - whole / 2  # from the mean, around which the lattice wraps
    near = sums > 1e-16
    return (off[near] / m) ** 2, sums[near] / sums[near].sum()
