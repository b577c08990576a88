"""Which weights dropout keeps, as a pure function of seed and place.

The generator is counter-based: whether a weight is kept depends on (seed, b, h, i, j) alone. So any rows can be answered
without drawing the others, any tile without its neighbours, and the same seed gives the same mask.

Source of the mixing function: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 16
(SplitMix64), applied once for each coordinate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["keep_mask"]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def keep_mask(seed: int, p: float, shape: tuple[int, int, int, int], rows: NDArray[Any] | None = None) -> NDArray[np.bool_]:
    """Which weights stay, bool (B, Hq, R, Sk): each with probability 1 − p.

    seed: any int, taken modulo 2^64. shape: (B, Hq, Sq, Sk). rows: the R query rows to answer for; None means all Sq.
    A weight is kept iff u ≥ p, where u in [0, 1) is the upper 53 bits of the mixed (seed, b, h, i, j).
    """
    batch, heads, sq, sk = shape
    i = np.arange(sq) if rows is None else rows
    state = np.full((1, 1, 1, 1), int(seed) % 2**64, dtype=np.uint64)
    for axis, places in enumerate((np.arange(batch), np.arange(heads), i, np.arange(sk))):
        along = [1, 1, 1, 1]
        along[axis] = -1
        state = _mix(state + GOLDEN * (places.astype(np.uint64).reshape(along) + np.uint64(1)))
    uniform = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.asarray(uniform >= p)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
