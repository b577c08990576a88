"""How often the running maximum of a row may rise: the records of its scores, where near-ties count.

Key j may raise the maximum of the keys before it if its score, at its largest, passes the scores of all of them at their
smallest. A row of random scores has about ln(Sk) records, so few parts of it are worth a look: those whose largest score
passes the maximum before the part. Only there keys are gone through one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["most_records"]

Array = NDArray[Any]

PART = 64
"""Keys of one part."""


def most_records(scores: Array, error: Array, seen: Array | None) -> Array:
    """The larger count of records when a row is read from the left and from the right, (B, Hq, R, 1), float64.

    scores, error: (B, Hq, R, Sk), error ≥ 0 how far a computed score may lie from the exact one. seen: bool, None for all.
    """
    shape = scores.shape[:-1]
    high, low = (_in_parts(scores, error, seen, way) for way in (np.add, np.subtract))
    highest, lowest = high.max(-1), low.max(-1)
    from_left = _records(high, low, highest, lowest)
    from_right = _records(high[..., ::-1], low[..., ::-1], highest[:, ::-1], lowest[:, ::-1], reverse=True)
    return np.asarray(np.maximum(from_left, from_right).reshape(*shape, 1))


def _in_parts(scores: Array, error: Array, seen: Array | None, way: Any) -> Array:
    """scores ± error as (rows, parts, PART), −inf where hidden and past the end."""
    keys = scores.shape[-1]
    if seen is None and keys % PART == 0:
        return np.asarray(way(scores, error).reshape(-1, keys // PART, PART))
    padded = np.full((*scores.shape[:-1], -(-keys // PART) * PART), -np.inf)
    way(scores, error, out=padded[..., :keys], where=True if seen is None else seen)
    return padded.reshape(-1, padded.shape[-1] // PART, PART)


def _records(high: Array, low: Array, highest: Array, lowest: Array, reverse: bool = False) -> Array:
    """Records of each row. highest, lowest: of each part, (rows, parts), in reading order; reverse: high and low are not."""
    before = np.full_like(lowest, -np.inf)
    np.maximum.accumulate(lowest[:, :-1], axis=-1, out=before[:, 1:])
    rows, parts = np.nonzero(highest > before)
    at = highest.shape[1] - 1 - parts if reverse else parts
    floor = np.concatenate((before[rows, parts, None], low[rows, at, :-1]), axis=-1)
    found = (high[rows, at] > np.maximum.accumulate(floor, axis=-1)).sum(-1)
    return np.bincount(rows, weights=found, minlength=highest.shape[0])
