"""How far attention by a Taylor map may lie from softmax attention, for the scores at hand: a theorem, without roundings.

The map of degree n weighs a key of score s by T_n(s) = Σ_{m ≤ n} s^m / m! instead of exp(s), that is by exp(s)(1 + β) with

    |β| ≤ ρ(s) = min(1, s^(n+1)/(n+1)!)           for s ≥ 0, from the Lagrange remainder and 0 ≤ T_n ≤ exp,
    |β| ≤ ρ(s) = |s|^(n+1)/(n+1)! · exp(|s|)       for s < 0.

With p the softmax weights of a row and o its softmax output, errors of the weights move the quotient by
Σ_j p_j β_j (v_j − o) / (1 + Σ_j p_j β_j), so that by Cauchy and Schwarz

    |o_T − o| ≤ √(Σ p ρ²) · sd / (1 − Σ p ρ),   sd² = Σ p (v − o)²,

feature by feature of the values, as long as Σ p ρ < 1; beyond that nothing is said. For small scores it falls as the
(n+1)-st power of their size.

Source: the series is that of Arora et al. 2024 (Based), arXiv:2402.18668, section 4.1, there of degree 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["remainder", "series_error"]

Array = NDArray[np.float64]

ROUNDINGS = 32
"""Of float64, besides one for each key and each power of a score, that a number computed here may carry."""


def remainder(n: int, scores: Any) -> Array:
    """ρ of every score, the largest that |T_n(s) exp(−s) − 1| may be by the theorem, in the shape of the scores."""
    s = np.asarray(scores, dtype=np.float64)
    with np.errstate(over="ignore"):
        term = np.abs(s) ** (n + 1) / math.factorial(n + 1)
        return np.where(s >= 0, np.minimum(1.0, term), term * np.exp(np.minimum(np.abs(s), 700.0)))


def series_error(n: int, scores: Any, weights: Any, values: Any) -> Array:
    """The bound of |o_T − o|, (B, H, Sq, Dv), infinite where nothing is said.

    scores, weights: (B, H, Sq, Sk), of softmax attention, weights 0 where a key is hidden. values: (B, H, Sk, Dv).
    """
    p, v = np.asarray(weights, dtype=np.float64), np.asarray(values, dtype=np.float64)
    rho = np.where(p > 0, remainder(n, scores), 0.0)
    out, own = p @ v, (ROUNDINGS + n + 2 * p.shape[-1]) * 2.0**-52
    spread = np.sqrt(np.maximum(p @ v**2 - out**2, 0.0) + own * (p @ v**2))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = 1 - (p * rho).sum(axis=-1, keepdims=True)
        found = np.sqrt((p * rho**2).sum(axis=-1, keepdims=True)) * spread / (left - own) * (1 + own)
    return np.where((left > own) & np.isfinite(found), found, np.inf)
