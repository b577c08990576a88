"""What keys and values are to every row: computed once for a call, however many blocks its rows are judged in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inputs import Inputs
from ..scores import kv_head

__all__ = ["Columns", "columns_of"]

Array = NDArray[Any]

LARGEST_SUM = 3.0e38
"""Sums of values beyond this may overflow in float32."""


@dataclass(frozen=True, eq=False)
class Columns:
    """keys: |k|, (B, Hq, Sk, D). signed: v with 0 where it is not finite, (B, Hq, Sk, Dv). finite: bool, None for all.

    key: k, (B, Hq, Sk, D). largest_query: the largest |q| of each head, (B, Hq, 1, 1).
    """

    keys: Array
    signed: Array
    finite: Array | None
    key: Array
    largest_query: Array

    @cached_property
    def key_sums(self) -> Array:
        """Σ_d |k_d|, (B, Hq, 1, Sk)."""
        return np.asarray(self.keys.sum(-1)[:, :, None, :])

    @cached_property
    def centred(self) -> tuple[Array, Array, Array]:
        """|k|, or |k − mean| where that is larger, (B, Hq, Sk, D); |mean| at most, and the largest of the first, (B, Hq, 1, 1).

        The mean is that of all keys, hidden ones included. NaN or infinite where a key is.
        """
        mean = self.key.mean(2, keepdims=True) if self.key.shape[2] else np.zeros_like(self.key[:, :, :0].sum(2, keepdims=True))
        size = np.maximum(self.keys, np.abs(self.key - mean))
        largest = (np.max(np.abs(x), axis=(2, 3), keepdims=True, initial=0.0) for x in (mean, size))
        return size, *largest

    @cached_property
    def values(self) -> Array:
        """|v|, 0 where not finite, (B, Hq, Sk, Dv)."""
        return np.abs(self.signed)

    @cached_property
    def largest(self) -> float:
        """The largest |v|."""
        return float(np.max(self.values, initial=0.0))

    @cached_property
    def moments(self) -> Array:
        """|v| and v² side by side, (B, Hq, Sk, 2·Dv)."""
        return np.concatenate((self.values, self.values * self.values), axis=-1)

    @cached_property
    def squares(self) -> Array:
        """v² in units of the square of the largest |v|, so that none overflows, (B, Hq, Sk, Dv)."""
        return np.asarray((self.values / (self.largest or 1.0)) ** 2)

    def spoiled(self, counted: Array) -> Array | None:
        """Outputs, (B, Hq, R, Dv), that see a value that is not finite, or whose sum may overflow; None for none.

        counted: bool (B, Hq, R, Sk), which keys are in the sums of a row.
        """
        spoiled = None
        if self.finite is not None:
            spoiled = counted.astype(np.float64) @ (~self.finite).astype(np.float64) > 0
        if self.largest * self.values.shape[-2] > LARGEST_SUM:
            overflows = counted.astype(np.float64) @ self.values > LARGEST_SUM
            spoiled = overflows if spoiled is None else spoiled | overflows
        return spoiled


def columns_of(given: Inputs) -> Columns:
    """The Columns of a call whose descales are multiplied in."""
    hq, hkv = given.q.shape[1], given.k.shape[1]
    key, value = (given.k, given.v) if hq == hkv else (x[:, kv_head(hq, hkv)] for x in (given.k, given.v))
    finite = np.isfinite(value)
    everywhere = bool(finite.all())
    signed = value if everywhere else np.where(finite, value, 0.0)
    largest_query = np.max(np.abs(given.q), axis=(2, 3), keepdims=True, initial=0.0)
    return Columns(np.abs(key), signed, None if everywhere else finite, key, largest_query)
