"""What rounding may do where an implementation draws its own projection, of which nothing is known but its distribution.

With normal rows it is nearly certain (`UNLIKELY`) that |w·x̃| ≤ z |x̃| for all vectors and rows of a call, and |w| ≤ √D + t.
There the exponents of all features have errors of at most E, taken from `rounding` with U ≤ (√D + t)|x̃|, and every weight is
computed to within a factor 1 ± N. What is lost below the smallest number counts beside the weight that loses it. In the frame
of the largest constants c a feature is at least exp(−2z|x̃| − |x̃|²/2) and a weight at least exp(−z(|x̃| + |ỹ| + |x̃ + ỹ|) − …);
and where features are many, their means lie as near to 1 as `chance.mean_room` says, which is the better bound.

So two weights of one row, which have one normaliser, are to each other as the exact ones to within (1 + N)/(1 − N); and an
output of values that are 0 or more is the exact one to within a factor of which Θ is the largest difference from 1.

Sources: P(|N| > z) ≤ exp(−z²/2); P(|w| > √D + t) ≤ exp(−t²/2) (Boucheron, Lugosi, Massart 2013, theorem 5.6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..arithmetic import Arithmetic
from .chance import mean_room
from .rounding import LOST, FeatureRoundings

__all__ = ["UNLIKELY", "DrawnError", "drawn_error"]
UNLIKELY = 1e-10
"""The chance, of one call, that a projection is so extreme that the error of rounding is larger than what is said here."""


@dataclass(frozen=True)
class DrawnError:
    """sum: N, the relative error of a weight, that of its normaliser aside. output: Θ, that of an output of values that are 0
    or more.

    lost: what an output may lose, absolutely, of values that are themselves near the smallest number. All infinite where
    nothing is certain.
    """

    sum: float
    output: float
    lost: float


def drawn_error(
    q: Any, k: Any, *, m: int, scale: float, arithmetic: Arithmetic, dtype: str, orthogonal: bool = False
) -> DrawnError:
    """For all rows and keys of a call with queries (B, H, Sq, D) and keys (B, H, Sk, D)."""
    squares = [scale * (np.asarray(x, dtype=np.float64) ** 2).sum(axis=-1) for x in (q, k)]
    lengths = tuple(math.sqrt(float(x.max(initial=0.0))) for x in squares)
    vectors = sum(x.size for x in squares)
    independent = max(1, m // q.shape[3]) if orthogonal else m
    return _error(lengths, vectors, max(1, k.shape[2]), FeatureRoundings(arithmetic, dtype, q.shape[3], m), independent)


@lru_cache(maxsize=4096)
def _error(lengths: tuple[float, ...], vectors: int, keys: int, rounds: FeatureRoundings, independent: int) -> DrawnError:
    """For so many vectors and keys, queries and keys no longer than `lengths`. Asked again for every seed."""
    far = math.sqrt(2 * math.log(4 * rounds.m * (vectors + 1) / UNLIKELY))
    sizes = [(math.sqrt(rounds.d) + far) * length for length in lengths]
    largest = max(size + length**2 / 2 for size, length in zip(sizes, lengths, strict=True))
    error = sum(
        float(rounds.exponent(np.array(size), np.array(length**2 / 2), largest))
        for size, length in zip(sizes, lengths, strict=True)
    )
    features, numbers = _lost(rounds, lengths, far, independent)
    factor = math.exp(min(error, 1.0)) * (1 + rounds.feature(keys)) ** 2 * (1 + float(rounds.sums(keys))) * (1 + features)
    of_sum = factor - 1
    whole = (1 + of_sum) * (1 + rounds.division) - 1
    if error > 1 or whole >= 1:
        return DrawnError(math.inf, math.inf, math.inf)
    return DrawnError(whole, 2 * whole / (1 - whole), numbers)


def _lost(rounds: FeatureRoundings, lengths: tuple[float, ...], far: float, independent: int) -> tuple[float, float]:
    """The share of a weight that may be lost below the smallest number where features and scores are stored; and what a sum
    may lose in the accumulator, as a share of the normaliser."""
    query, key = lengths
    weight = 2 * far * (query + key) + (query + key) ** 2 / 2 + query * key
    if max(weight, 2 * far * max(lengths)) > LARGEST:
        return math.inf, math.inf
    numbers = LOST * rounds.arithmetic.least * rounds.m * math.exp(weight)
    stored = sum(math.exp(2 * far * length + length**2 / 2) for length in lengths) + math.exp(weight)
    if rounds.lost_feature * stored > SMALL:
        stored = min(stored, _from_means(lengths, far, independent))
    return rounds.lost_feature * stored + numbers, numbers


def _from_means(lengths: tuple[float, ...], far: float, independent: int) -> float:
    """What a loss of 1 in every feature and score may be as a share of a weight, from means over many features."""
    query, key = lengths
    rooms = [mean_room(square, independent, UNLIKELY / 8) for square in (query**2, key**2, (query + key) ** 2)]
    if rooms[2][0] >= 1:
        return math.inf
    of_query, of_key = (math.exp(far * length) for length in lengths)
    lost = of_query * (1 + rooms[1][1]) + of_key * (1 + rooms[0][1]) + of_query * of_key
    return lost / ((1 - rooms[2][0]) * math.exp(-query * key))


SMALL = 2.0**-12
"""A share of a weight that is not worth a better bound."""

LARGEST = 600.0
"""The largest exponent that is looked at: beyond it nothing is certain anyway."""
