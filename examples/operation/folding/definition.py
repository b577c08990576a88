"""Folding, in float64, and how far an arithmetic may lie from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = Any


class Folded(NamedTuple):
    """out (N, T), size (N,), and the sum of the sizes of what was added, (N, T)."""

    out: Array
    size: Array
    added: Array


def fold(
    rows: Array, columns: Array, offset: Array, *, gain: float = 1.0, factors: Array = None, offset_gained: str = "apart"
) -> Folded:
    """rows (N, R), columns (R, T), offset (T,), factors (R,). Raises ValueError where they do not fit."""
    if rows.shape[-1] != columns.shape[0] or offset.shape != columns.shape[1:]:
        raise ValueError(f"rows {rows.shape}, columns {columns.shape} and offset {offset.shape} do not fit together")
    x, y, z = (np.asarray(a, dtype=np.float64) for a in (rows, columns, offset))
    w = np.ones(x.shape[-1]) if factors is None else np.asarray(factors, dtype=np.float64)
    ends = z * gain if offset_gained == "together" else z
    return Folded(gain * ((x * w) @ y) + ends, np.abs(x).sum(-1), abs(gain) * (np.abs(x * w) @ np.abs(y)) + np.abs(ends))


class Judged(NamedTuple):
    """The exact results, each with its bound."""

    out: Array
    out_bound: Array
    size: Array
    size_bound: Array


def judge(rows: Array, columns: Array, offset: Array, *, unit: float, **options: Any) -> Judged:
    """R products of two roundings each, R additions, gain and offset: gamma(R + 5) of all that is added (Higham 2002, §3.1)."""
    exact, steps = fold(rows, columns, offset, **options), rows.shape[-1] + 5
    gamma = steps * unit / (1 - steps * unit)
    return Judged(exact.out, gamma * exact.added, exact.size, gamma * exact.size)
