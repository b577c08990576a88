"""Segments, slopes, sinks and descales by pattern: options that are one number a position, a batch entry or a head.

Slopes and sinks are float32 but hold only bfloat16 values. An implementation that takes them in its own dtype then loses
nothing, and the bound need not pay for a rounding that is not its mistake. Descales are float32 by contract.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DESCALES",
    "SINKS",
    "SLOPES",
    "draw_descales",
    "draw_segments",
    "draw_sinks",
    "draw_slopes",
]

SLOPES = ("geometric", "random")
"""Patterns of alibi_slopes: 2^(−8h/H) for head h = 1 … H (O. Press et al., arXiv:2108.12409, section 3); positive, random."""

SINKS = ("normal", "large", "low")
"""Patterns of sinks: σ = 1; about 8, which takes most of the weight; about −30, which takes almost none."""


DESCALES = ("powers", "random")
"""Patterns of q_descale, k_descale and v_descale, between 1/2 and 2: powers of two; any numbers."""


def draw_segments(
    count: int, b: int, sq: int, sk: int, q_rng: np.random.Generator, k_rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """q_segments (B, Sq) and kv_segments (B, Sk): ascending ids below `count`, cut at unequal and independent places.

    An id may be present on one side only; each batch entry has at least one id that is present on both.
    """
    q_ids, kv_ids = _cut(q_rng, count, b, sq), _cut(k_rng, count, b, sk)
    for q_row, kv_row in zip(q_ids, kv_ids, strict=True):
        if q_row.size and kv_row.size and not np.isin(kv_row, q_row).any():
            # Two cuts that never meet: move each key to the nearest id that a query has, which keeps the order.
            kv_row[:] = q_row[np.abs(q_row[:, None] - kv_row).argmin(axis=0)]
    return q_ids, kv_ids


def _cut(rng: np.random.Generator, count: int, b: int, length: int) -> NDArray[np.int32]:
    """(B, length) ids: position p is in segment number (cuts at or before p)."""
    cuts = rng.integers(0, length + 1, (b, 1, count - 1))
    ids: NDArray[np.int32] = (cuts <= np.arange(length)[None, :, None]).sum(axis=-1).astype(np.int32)
    return ids


def draw_slopes(pattern: str, hq: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """alibi_slopes (Hq,), float32, positive. Raises ValueError for an unknown pattern."""
    if pattern == "geometric":
        return _in_bfloat16(2.0 ** (-8.0 * np.arange(1, hq + 1) / hq))
    if pattern == "random":
        return _in_bfloat16(rng.uniform(0.01, 1.0, hq))
    raise ValueError(f"unknown pattern {pattern!r} of alibi_slopes; known: {', '.join(SLOPES)}")


def draw_sinks(pattern: str, hq: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """sinks (Hq,), float32, finite. Raises ValueError for an unknown pattern."""
    centre = {"normal": 0.0, "large": 8.0, "low": -30.0}
    if pattern not in centre:
        raise ValueError(f"unknown pattern {pattern!r} of sinks; known: {', '.join(SINKS)}")
    return _in_bfloat16(centre[pattern] + rng.standard_normal(hq))


def draw_descales(pattern: str, b: int, hkv: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A descale (B, Hkv), float32, positive. Raises ValueError for an unknown pattern."""
    if pattern == "powers":
        return np.asarray(2.0 ** rng.integers(-1, 2, (b, hkv)), dtype=np.float32)
    if pattern == "random":
        return rng.uniform(0.5, 2.0, (b, hkv)).astype(np.float32)
    raise ValueError(f"unknown pattern {pattern!r} of a descale; known: {', '.join(DESCALES)}")


def _in_bfloat16(x: NDArray[Any]) -> NDArray[np.float32]:
    return x.astype(ml_dtypes.bfloat16).astype(np.float32)
