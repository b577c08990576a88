"""How each step of random feature attention may round, from a declared arithmetic: exponents, features, sums, underflow.

The exponent of a feature is w·x̃ − |x̃|²/2 − c, with x̃ = √scale · x and c whatever a kernel subtracts against overflow: nothing,
the largest of a query, that of all keys, or of everything there is. The same computed c is subtracted from all features of a
query, and from all features of all keys, so an error of c itself cancels in the quotient; what stays is the rounding of the
subtraction, and that is relative to the numbers in it. Let U = Σ_d |w_d x̃_d|, h = |x̃|²/2, and C the largest U + h of all
vectors, so that |c| ≤ C. Then the computed exponent differs from the exact one, c aside, by at most

    E = [(1 + u_in)^p (1 + u_op)² (1 + γ_{D + 8}) − 1] U                 a product of D terms, of factors rounded p times
      + [(1 + u_in)^2p (1 + u_op)² (1 + γ_{D + 10}) − 1] h               the same of a vector with itself, and its half
      + 6u (U + h + C + ½ log m)                                         three subtractions, 1/√m taken as log m, and log2 e

where u is the unit roundoff of the accumulator, or of the dtype in which features are declared to be computed. The feature is
then off by the factor e^E, by u_exp, by three roundings, and by one rescaling for each tile of keys where a running maximum is
kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import LARGEST, ROUNDOFF, Arithmetic
from ..roundoff import DIVIDE, compounded, gamma, lost_below

__all__ = ["LOST", "FeatureRoundings"]

Array = NDArray[Any]

PRODUCT, SQUARE, SUBTRACTED = 8, 10, 6
"""Roundings besides the D of a sum: on w·x̃ (the scale, its root, their product with x, or with the sum, and 1 to spare each way
that a kernel may take), on |x̃|²/2, and on what is subtracted."""

STEPS = 12
"""On a term of a sum over keys and features, besides the additions, as in linear attention."""

OPERANDS = 3
"""Operands of a term that are rounded where weights are: the features of query and key, and a score or the state."""

LOST = 3
"""Times that a feature may lose something below the smallest number where it is computed: the exponential, its product with
1/√m, and itself as it is stored. A feature, a score or a state that is rounded as an operand loses once more."""


@dataclass(frozen=True)
class FeatureRoundings:
    """The facts of one arithmetic for inputs of a dtype, vectors of D entries and m features."""

    arithmetic: Arithmetic
    dtype: str
    d: int
    m: int

    @property
    def u(self) -> float:
        return self.arithmetic.u_acc

    @property
    def narrow(self) -> float:
        """The unit roundoff of the numbers from which a feature is computed."""
        return max(self.u, _roundoff(self.arithmetic.features_in))

    def exponent(self, sizes: Array, half_square: Array, largest: Any) -> Array:
        """E, from U (…, m), h (…, 1) and C."""
        a = self.arithmetic
        pre = (1 if a.n_pre else 0, ROUNDOFF[self.dtype])
        operands = (2, a.u_operand)
        product = _more(compounded(pre, operands), gamma(self.d + PRODUCT, self.narrow))
        square = _more(compounded(pre, pre, operands), gamma(self.d + SQUARE, self.narrow))
        subtracted = SUBTRACTED * self.narrow * (sizes + half_square + largest + math.log(self.m) / 2)
        return np.asarray(product * sizes + square * half_square + subtracted)

    def feature(self, keys: int) -> float:
        """The relative error of a feature beside that of its exponent, the rescalings of so many keys included."""
        a = self.arithmetic
        rescalings = -(-keys // a.tile)
        return compounded((1 + rescalings, a.u_exp), (3 + rescalings, self.u), (1, _roundoff(a.features_in)))

    def sums(self, keys: Any) -> Any:
        """The relative error of a term of a sum over so many keys and all features, in one side of the quotient alone."""
        a = self.arithmetic
        keys = np.asarray(keys)
        stored = compounded((OPERANDS, _roundoff(a.stored_weights)), (6, a.u_operand))
        state = np.expm1((keys + 1) * math.log1p(_roundoff(a.stored_state)))
        return _more(_more(gamma(keys + self.m + STEPS, self.u), stored), state)

    @property
    def division(self) -> float:
        return compounded((DIVIDE, self.u))

    @property
    def lost_feature(self) -> float:
        """The most that a feature may lose, absolutely, below the smallest numbers of the dtypes that it passes through."""
        a = self.arithmetic
        stored = [dtype for dtype in (a.stored_weights, a.stored_state) if dtype is not None]
        computed = a.least if a.features_in is None else lost_below(a.features_in, a.least)[1]
        return LOST * computed + sum(lost_below(dtype, a.least)[1] for dtype in stored)

    @property
    def largest(self) -> float:
        """The largest number that is stored: a feature, a score, a state."""
        return min([self.arithmetic.largest, *(LARGEST[dtype] for dtype in self._named)]) / 4

    @property
    def widest(self) -> float:
        """The logarithm of the largest number that an accumulator holds."""
        return math.log(self.arithmetic.largest / 4)

    @property
    def _named(self) -> list[str]:
        a = self.arithmetic
        return [dtype for dtype in (a.stored_weights, a.features_in, a.stored_state) if dtype is not None]


def _more(a: Any, b: Any) -> Any:
    """(1 + a)(1 + b) − 1."""
    return a + b + a * b


def _roundoff(dtype: str | None) -> float:
    return 0.0 if dtype is None else ROUNDOFF[dtype]
