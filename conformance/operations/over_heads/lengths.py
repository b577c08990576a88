"""Lengths of keys by pattern, one number for each batch entry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LENGTHS", "draw_lengths"]

LENGTHS = ("full", "random", "one", "zero-some")
"""Patterns of kv_lengths: all Sk; between 1 and Sk; 1; random, but 0 in at least one batch entry."""


def draw_lengths(pattern: str, b: int, sk: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """kv_lengths (B,), int32, each at most Sk. Raises ValueError for an unknown pattern."""
    if pattern == "full":
        return np.full(b, sk, dtype=np.int32)
    if pattern == "one":
        return np.full(b, min(1, sk), dtype=np.int32)
    lengths = rng.integers(min(1, sk), sk + 1, b).astype(np.int32)
    if pattern == "random":
        return lengths
    if pattern == "zero-some":
        lengths[rng.random(b) < 0.3] = 0
        lengths[rng.integers(0, b)] = 0
        return lengths
    raise ValueError(f"unknown pattern {pattern!r} of kv_lengths; known: {', '.join(LENGTHS)}")
