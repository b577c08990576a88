"""What rounding may do where an implementation draws its own projection, of which nothing is known but its distribution.

With normal rows it is nearly certain (`UNLIKELY`) that |w·x̃| ≤ z |x̃| for all vectors and rows of a call, that |w| ≤ √D + t,
and that the means M(x) = (1/m) Σ_r exp(w_r·x̃ − |x̃|²/2) lie as near to 1 as `chance.mean_room` says. There the exponents of
all features have errors of at most E, taken from `rounding` with U ≤ (√D + t)|x̃|, and the computed weights are the exact ones
times factors between 1 − Θ and 1 + Θ. So an output of values that are 0 or more is the exact one times such a factor, and any
output is within Θ times the largest value.

Sources: P(|N| > z) ≤ exp(−z²/2); P(|w| > √D + t) ≤ exp(−t²/2) (Boucheron, Lugosi, Massart 2013, theorem 5.6).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import Arithmetic
from .chance import mean_room
from .rounding import LOST, FeatureRoundings

__all__ = ["UNLIKELY", "drawn_error"]

Array = NDArray[Any]

LONGEST = 12.0
"""Vectors x̃ that are longer are not looked at: of the products of their features nothing is certain."""

UNLIKELY = 1e-10
"""The chance, of one call, that a projection is so extreme that the error of rounding is larger than what is said here."""


def drawn_error(q: Any, k: Any, *, m: int, orthogonal: bool, scale: float, arithmetic: Arithmetic, dtype: str) -> float:
    """Θ for all rows of a call with queries (B, H, Sq, D) and keys (B, H, Sk, D); infinite where nothing is certain."""
    d, keys = q.shape[3], max(1, k.shape[2])
    squares = [scale * (np.asarray(x, dtype=np.float64) ** 2).sum(axis=-1) for x in (q, k)]
    lengths = [math.sqrt(float(x.max(initial=0.0))) for x in squares]
    count = sum(x.size for x in squares) + 1
    far = math.sqrt(2 * math.log(8 * m * count / UNLIKELY))
    long = math.sqrt(d) + math.sqrt(2 * math.log(8 * m * count / UNLIKELY))
    rounds = FeatureRoundings(arithmetic, dtype, d, m)
    largest = max(long * length + length**2 / 2 for length in lengths)
    error = sum(float(rounds.exponent(np.array(long * length), np.array(length**2 / 2), largest)) for length in lengths)
    common = math.expm1(error) + (1 + math.expm1(error)) * ((1 + rounds.feature(keys)) ** 2 - 1)
    lost = _lost(rounds, lengths, far, m if not orthogonal else max(1, m // d))
    one_sided = float(rounds.sums(keys)) + rounds.division + lost
    total = common + one_sided + common * one_sided
    return 2 * total / (1 - total) if total < 1 else math.inf


def _lost(rounds: FeatureRoundings, lengths: list[float], far: float, independent: int) -> float:
    """The share of a weight that may be lost below the smallest number."""
    query, key = (min(length, LONGEST) for length in lengths)
    if max(lengths) > LONGEST:
        return math.inf
    rooms = [mean_room(square, independent, UNLIKELY / 8) for square in (query**2, key**2, (query + key) ** 2)]
    frames = [math.exp(far * length) for length in (query, key)]
    # Each mean lies in its room, and besides between what the smallest and the largest of its terms may be.
    most = [min(1 + room[1], frame) for room, frame in zip(rooms, frames, strict=False)]
    least = max(1 - rooms[2][0], math.exp(-far * (query + key) - (query + key) ** 2 / 2)) * math.exp(-query * key)
    features = rounds.lost_feature * (frames[0] * most[1] + frames[1] * most[0] + frames[0] * frames[1])
    numbers = LOST * rounds.arithmetic.least * frames[0] * frames[1] * rounds.m
    return (features + numbers) / least
