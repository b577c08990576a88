"""Drawing projections: rows that are standard normal, independent of each other or orthogonal in blocks of D.

The rows of an orthogonal block are those of a rotation that is uniform over all of them, each times a length of its own, that
of a D-dimensional normal vector. So each row by itself is standard normal still, and estimates stay unbiased. The Q of a QR
decomposition is uniform only after its columns have got the signs of R's diagonal: routines choose signs that serve their own
accuracy, and leave the diagonal of Q mostly negative.

Sources: Choromanski et al. 2021, arXiv:2009.14794, section 2.4; Mezzadri 2007, arXiv:math-ph/0609050, section 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_projection", "lengths", "rotations"]

Array = NDArray[np.float64]


def draw_projection(m: int, d: int, seed: int, *, orthogonal: bool = False) -> Array:
    """A projection (m, D), the same for the same seed. orthogonal: blocks of D orthogonal rows, the last one cut to fit.

    Raises ValueError where m is not positive.
    """
    if m < 1:
        raise ValueError(f"num_features is {m}; it must be at least 1")
    rng = np.random.default_rng([seed, m, d, int(orthogonal)])
    if not orthogonal:
        return rng.standard_normal((m, d))
    return lengths(rng, m, d)[:, None] * rotations(rng, -(-m // d), d).reshape(-1, d)[:m]


def rotations(rng: np.random.Generator, count: int, d: int) -> Array:
    """So many orthogonal matrices (count, D, D), uniform over all of them."""
    q, r = np.linalg.qr(rng.standard_normal((count, d, d)))
    signs = np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)
    return np.swapaxes(q * signs[:, None, :], 1, 2)


def lengths(rng: np.random.Generator, m: int, d: int) -> Array:
    """The lengths of m normal vectors of D entries, (m,)."""
    return np.asarray(np.linalg.norm(rng.standard_normal((m, d)), axis=1))
