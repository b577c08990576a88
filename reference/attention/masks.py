"""Which keys a query sees: the positions, and one small step for each option that hides keys.

Each step answers for one option alone and knows nothing of the others, so that a known mistake ("causal off by one",
"window left short by one") is another function in its place. A key is visible iff every step says so.

i is the position of a query, its row plus the offset, as int64 (B, 1, R, 1); j is the key's index, int64 (Sk,).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["attended_lengths", "bias_allows", "causal", "lengths", "mask", "offset", "segments", "window"]

Array = NDArray[Any]


def offset(alignment: str, sq: int, kv_lengths: Array) -> Array:
    """What is added to a query's row to give its position among the keys, int64 (B,).

    0 for top-left; kv_lengths − Sq for bottom-right, where kv_lengths (B,) is Sk unless the caller gave lengths.
    Source: PyTorch `torch.nn.attention.bias.CausalVariant`; FlashAttention 2.1 changed the one for the other.
    """
    return kv_lengths - sq if alignment == "bottom-right" else np.zeros_like(kv_lengths)


def causal(i: Array, j: Array) -> Array:
    """No query looks ahead: j ≤ i."""
    return j <= i


def window(i: Array, j: Array, left: int | None, right: int | None) -> Array:
    """i − left ≤ j ≤ i + right, both ends included; None on a side means no limit there.

    Source: Beltagy et al. 2020 (Longformer), section 3.1; the (left, right) pair is FlashAttention's `window_size`.
    """
    seen = np.ones(np.broadcast_shapes(i.shape, j.shape), dtype=bool)
    if left is not None:
        seen &= j >= i - left
    if right is not None:
        seen &= j <= i + right
    return seen


def mask(given: Array) -> Array:
    """given: bool (B, Hq, R, Sk), True means attend."""
    return given


def bias_allows(bias: Array) -> Array:
    """bias: float64 (B, Hq, R, Sk). A bias of −inf hides its key: that is how additive masks say so."""
    allowed: Array = bias != -np.inf
    return allowed


def segments(query: Array, key: Array) -> Array:
    """query: int (B, 1, R, 1), key: int (B, 1, 1, Sk). A key is visible iff its segment is the query's."""
    same: Array = query == key
    return same


def lengths(j: Array, length: Array) -> Array:
    """length: int64 (B, 1, 1, 1). Keys at or past the length are hidden. The length is Sk where none is given."""
    return j < length


def attended_lengths(kv_lengths: Array | None, batch: int, sk: int) -> Array:
    """The number of keys of each batch entry, int64 (B,): the given lengths, or Sk."""
    return np.full(batch, sk, dtype=np.int64) if kv_lengths is None else kv_lengths
