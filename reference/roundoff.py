"""Counting roundings: what n of them can do, and how many each step of a kernel makes.

The counts are the largest over the ways in which kernels are written: with exp or exp2, fused or not, divided at the end or
before. They are facts about code, so they stand here and not in an arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arithmetic import SMALLEST_NORMAL, SMALLEST_SUBNORMAL

__all__ = ["DISTANCE", "DIVIDE", "MAXIMUM", "SCALE", "compounded", "gamma", "lost_below"]

SCALE = 4
"""On a score: its product with the scale, the scale itself, its product with log2 e, and log2 e itself."""
DISTANCE = 4
"""On m − s: the subtraction, two for a factor log2 e, and those of the rescalings, whose exponents add up to m − s."""
MAXIMUM = 2
"""On |m| and |s|: in the fused form exp2(s·c − m·c) both products are rounded, and m·c differs from tile to tile."""
DIVIDE = 3
"""On a quotient: the reciprocal, its refinement, and the product."""


def gamma(n: Any, u: float) -> Any:
    """γ_n = n·u / (1 − n·u) for n ≥ 0, a number or an array; infinite where n·u ≥ 1.

    A product of n factors (1+δ) or 1/(1+δ) with |δ| ≤ u lies within γ_n of 1 (Higham, lemma 3.1).
    """
    nu = np.multiply(n, u)
    return np.where(nu < 1, nu / np.where(nu < 1, 1 - nu, 1), np.inf)


def compounded(*roundings: tuple[float, float]) -> float:
    """Π (1 + u)^n − 1 over pairs (n, u), accurate where u is tiny."""
    return math.expm1(math.fsum(n * math.log1p(u) for n, u in roundings))


def lost_below(dtype: str, least: float) -> tuple[float, float]:
    """(threshold, loss): a result below the threshold may lose as much as the loss, absolutely, when it is rounded to dtype.

    That is half a subnormal, or the whole result where the arithmetic flushes subnormals of this range.
    """
    if SMALLEST_NORMAL[dtype] <= least:
        return least, least
    return SMALLEST_NORMAL[dtype], SMALLEST_SUBNORMAL[dtype] / 2
