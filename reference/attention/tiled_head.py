"""One head of tiled attention: the loop over tiles, the online softmax, and the merge of splits.

The mistakes that only a tiled kernel can make live here (a tile not visited, an accumulator not rescaled, a tail not
masked, a split merged with the wrong weight), each in a step of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TILED_STEPS", "Head", "TiledSteps", "attend_head", "columns_of", "load", "scores_of", "seen_in"]

Array = NDArray[Any]
Part = tuple[Array, Array]
"""(out, lse) of some of the keys: (R, Dv) and (R,)."""


@dataclass(frozen=True, eq=False)
class Head:
    """What one query head of one batch entry attends with, in float64.

    q: (R, D), k: (Sk, D), v: (Sk, Dv). length: keys at or past it are hidden. positions: int (R,), row plus offset.
    first, end: int (R,), the interval first ≤ j < end that causality and window admit.
    mask: bool (R, Sk), bias: (R, Sk). keep: (R, Sk), 0 where dropped, else 1/(1 − p). q_segments: (R,), kv_segments: (Sk,).
    """

    q: Array
    k: Array
    v: Array
    scale: float
    length: int
    positions: Array
    first: Array
    end: Array
    mask: Array | None
    bias: Array | None
    slope: float
    softcap: float | None
    sink: float | None
    q_segments: Array | None
    kv_segments: Array | None
    keep: Array | None


def visited(start: int, stop: int, tile: int, head: Head) -> Iterator[int]:
    """Where the tiles of the keys start..stop−1 begin. A tile that no row can see is not visited."""
    for begin in range(start, stop, tile):
        if ((head.first < begin + tile) & (head.end > begin)).any():
            yield begin


def tail(columns: Array, stop: int) -> Array:
    """Which keys of a tile exist for this split: the last tile may reach past its end."""
    return columns < stop


def load(array: Array, columns: Array) -> Array:
    """Rows of K or V for a tile; zeros past the end, as a kernel's masked load gives."""
    loaded = np.zeros((len(columns), array.shape[1]))
    inside = columns[columns < len(array)]
    loaded[: len(inside)] = array[inside]
    return loaded


def running_max(old: Array, new: Array) -> Array:
    """The largest score so far, (R, 1)."""
    return np.maximum(old, new)


def odds(scores: Array, top: Array) -> Array:
    """exp(score − top), and 0 in rows that have seen no key: there top is −inf, and −inf − (−inf) is NaN."""
    relative: Array = np.exp(scores - np.where(np.isneginf(top), 0.0, top))
    return relative


def rescale(old: Array, new: Array) -> Array:
    """The factor that brings sums taken relative to the old maximum to the new one, exp(old − new)."""
    factor: Array = np.exp(old - new)
    return factor


def with_sink(parts: list[Part], sink: float) -> list[Part]:
    """The sink is one more part: it has a logit and no value."""
    out, lse = parts[0]
    return [*parts, (np.zeros_like(out), np.full_like(lse, sink))]


def merge(parts: list[Part]) -> Part:
    """Parts of the keys joined, each weighing exp(its lse)."""
    outs, lses = np.stack([out for out, _ in parts]), np.stack([lse for _, lse in parts])
    top = lses.max(axis=0)
    top = np.where(np.isneginf(top), 0.0, top)
    odds = np.exp(lses - top)
    total = odds.sum(axis=0)
    share = np.where(total > 0, odds / total, np.where(np.isnan(total), np.nan, 0.0))
    return (share[:, :, None] * outs).sum(axis=0), top + np.log(total)


@dataclass(frozen=True)
class TiledSteps:
    """The steps of `attend_head`; the default of each has the docstring that states its arguments."""

    visited: Callable[..., Any] = visited
    tail: Callable[..., Any] = tail
    load: Callable[..., Any] = load
    running_max: Callable[..., Any] = running_max
    odds: Callable[..., Any] = odds
    rescale_accumulator: Callable[..., Any] = rescale
    rescale_row_sum: Callable[..., Any] = rescale
    with_sink: Callable[..., Any] = with_sink
    merge: Callable[..., Any] = merge


TILED_STEPS = TiledSteps()
"""The definition."""


def attend_head(head: Head, tile: int, splits: int, steps: TiledSteps) -> Part:
    """(out, lse) of one head: (R, Dv), 0 in empty rows, and (R,), −inf there."""
    count = max(len(head.k), 1)
    each = -(-count // splits)
    parts = [_attend_split(head, begin, min(begin + each, len(head.k)), tile, steps) for begin in range(0, count, each)]
    if head.sink is not None:
        parts = steps.with_sink(parts, head.sink)
    merged: Part = steps.merge(parts) if len(parts) > 1 else parts[0]
    return merged


def _attend_split(head: Head, start: int, stop: int, tile: int, steps: TiledSteps) -> Part:
    """(out, lse) over the keys start..stop−1, tile by tile (FlashAttention, algorithm 1, lines 6 to 13)."""
    rows = len(head.q)
    accumulator, row_sum, top = np.zeros((rows, head.v.shape[1])), np.zeros((rows, 1)), np.full((rows, 1), -np.inf)
    for begin in steps.visited(start, stop, tile, head):
        columns = np.arange(begin, begin + tile)
        seen = seen_in(head, columns) & steps.tail(columns, min(stop, head.length))
        scores = np.where(seen, scores_of(head, columns, steps.load), -np.inf)
        new = steps.running_max(top, scores.max(axis=1, keepdims=True))
        base = np.where(np.isneginf(new), 0.0, new)
        weighed = steps.odds(scores, new)
        row_sum = row_sum * steps.rescale_row_sum(top, base) + weighed.sum(axis=1, keepdims=True)
        kept = weighed if head.keep is None else weighed * columns_of(head.keep, columns)
        accumulator = accumulator * steps.rescale_accumulator(top, base) + _times_v(kept, steps.load(head.v, columns), seen)
        top = new
    reached = row_sum != 0
    out = np.divide(accumulator, row_sum, out=np.zeros_like(accumulator), where=reached)
    lse = np.where(reached, np.log(row_sum) + top, -np.inf)
    return out, lse[:, 0]


def seen_in(head: Head, columns: Array) -> Array:
    """Which keys of a tile each row sees, (R, tile), but for the tail."""
    seen = np.logical_not((columns < head.first[:, None]) | (columns >= head.end[:, None]))
    if head.mask is not None:
        seen[~columns_of(head.mask, columns)] = False
    if head.bias is not None:
        seen[np.isneginf(columns_of(head.bias, columns))] = False
    if head.q_segments is not None and head.kv_segments is not None:
        key = columns_of(head.kv_segments[None], columns)
        seen[head.q_segments[:, None] != key] = False
    return seen


def scores_of(head: Head, columns: Array, load: Callable[..., Any] = load) -> Array:
    """scale, then softcap, then bias and ALiBi, for one tile, (R, tile)."""
    logits = np.einsum("rd,td->rt", head.q * head.scale, load(head.k, columns))
    if head.softcap is not None:
        logits = np.tanh(logits / head.softcap) * head.softcap
    if head.bias is not None:
        logits = logits + columns_of(head.bias, columns)
    distance = np.maximum(head.positions[:, None] - columns, columns - head.positions[:, None])
    biased: Array = logits - head.slope * distance if head.slope else logits
    return biased


def columns_of(table: Array, columns: Array) -> Array:
    """Columns of a (R, Sk) table for a tile; past the end the last one again."""
    return table[:, np.minimum(columns, table.shape[1] - 1)]


def _times_v(odds: Array, v: Array, seen: Array) -> Array:
    """odds·V for a tile. A key that is not seen and weighs nothing adds nothing, whatever its V holds."""
    if np.isfinite(v).all():
        return np.asarray(odds @ v)
    counts = seen | (odds != 0)
    product: Array = np.where(counts[:, :, None], odds[:, :, None] * v, 0.0).sum(axis=1)
    return product
