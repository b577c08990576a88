"""What orthogonality of rows does to the variance of an estimate, in closed form.

Let w and w' be two rows of one block: orthogonal, each standard normal. |w + w'|² = |w|² + |w'|² is then chi-squared with 2D
degrees of freedom, and the direction of w + w' is uniform, so for z with |z| = s

    E[X X'] = exp(−s²) E[exp((w + w')·z)] = exp(−s²) Σ_k (D)_k / (D/2)_k · (s²/2)^k / k! = exp(−s²) ₁F₁(D; D/2; s²/2),

which is below 1 for D > 1: the features of a block make up for each other. The variance of an estimate by m features, m a
multiple of D, is [exp(s²) − 1 + (D − 1)(E[X X'] − 1)] / m.

Source: Choromanski et al. 2021, arXiv:2009.14794, theorem 2, which states the inequality; the sum follows from its proof.
"""

from __future__ import annotations

import math

__all__ = ["covariance"]


def covariance(square: float, d: int) -> float:
    """E[X X'] − 1 of two rows of one block of D orthogonal ones, from s². 0 or less. D is at least 2."""
    total, term, k = 0.0, 1.0, 0
    while term > 1e-18 * total or k <= square:
        total += term
        term *= (d + k) / (d / 2 + k) * (square / 2) / (k + 1)
        k += 1
    return total * math.exp(-square) - 1
