"""A value with the interval in which the exact answer must lie if whoever computed it is correct.

Every observation and every meaning is a `Bounded`. Combiners propagate the intervals, so that no law needs a tolerance:
two values agree when their intervals meet. Ends are rounded outwards, so float64 arithmetic on them never narrows one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bounded", "bounded", "from_ends"]

Number = int | float


@dataclass(frozen=True, eq=False)
class Bounded:
    """`value` as computed; the exact answer lies in [low, high]. All three have one shape and are float64.

    Where value is NaN or infinite, low and high equal it: such entries are compared by class, not by distance. The
    exception is [−inf, inf]: nothing is known there, whatever the value.

    reading: says what entries mean, for values that a reader would not understand as numbers: it takes places, int (n, ndim),
    the worst first, and gives sentences. Whatever is computed from the value has no reading any more.
    """

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    reading: Callable[[Any], list[str]] | None = field(default=None, kw_only=True)

    @property
    def bound(self) -> NDArray[np.float64]:
        """The larger of the distances from value to the two ends."""
        with np.errstate(invalid="ignore"):
            return np.maximum(self.value - self.low, self.high - self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def each(self, function: Callable[[Any], Any]) -> Bounded:
        """Apply one exact rearrangement (indexing, reshaping, stacking, reversal) to value, low and high."""
        return Bounded(function(self.value), function(self.low), function(self.high))

    def increasing(self, function: Callable[[Any], Any]) -> Bounded:
        """Apply a function that never decreases (exp, log), rounding the ends outwards by four units in the last place."""
        with np.errstate(all="ignore"):
            low, high = function(self.low), function(self.high)
            slack = 4 * np.finfo(np.float64).eps
            return from_ends(function(self.value), low - slack * np.abs(low), high + slack * np.abs(high))

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, -self.high, -self.low)

    def __add__(self, other: Bounded | Number | NDArray[Any]) -> Bounded:
        o = bounded(other)
        with np.errstate(all="ignore"):
            return from_ends(self.value + o.value, self.low + o.low, self.high + o.high)

    def __sub__(self, other: Bounded | Number | NDArray[Any]) -> Bounded:
        return self + (-bounded(other))

    def __mul__(self, other: Bounded | Number | NDArray[Any]) -> Bounded:
        o = bounded(other)
        with np.errstate(all="ignore"):
            ends = [self.low * o.low, self.low * o.high, self.high * o.low, self.high * o.high]
            return from_ends(self.value * o.value, np.minimum.reduce(ends), np.maximum.reduce(ends))

    def __truediv__(self, other: Bounded | Number | NDArray[Any]) -> Bounded:
        o = bounded(other)
        with np.errstate(all="ignore"):
            ends = [self.low / o.low, self.low / o.high, self.high / o.low, self.high / o.high]
            spans = (o.low <= 0) & (o.high >= 0)
            low = np.where(spans, -np.inf, np.minimum.reduce(ends))
            high = np.where(spans, np.inf, np.maximum.reduce(ends))
            return from_ends(self.value / o.value, low, high)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Number | NDArray[Any]) -> Bounded:
        return bounded(other) - self

    def __rtruediv__(self, other: Number | NDArray[Any]) -> Bounded:
        return bounded(other) / self


def bounded(x: Bounded | Number | NDArray[Any]) -> Bounded:
    """x itself, or an exact number or array as a Bounded whose interval is a point."""
    if isinstance(x, Bounded):
        return x
    value = np.asarray(x, dtype=np.float64)
    return Bounded(value, value, value)


def from_ends(value: Any, low: Any, high: Any) -> Bounded:
    """Round the ends outwards by one step; classes (NaN, inf) of the value override the ends, unless these are [−inf, inf]."""
    value = np.asarray(value, dtype=np.float64)
    kept = np.isfinite(value) | (np.isneginf(low) & np.isposinf(high))
    low = np.nextafter(np.where(np.isnan(low), -np.inf, low), -np.inf)
    high = np.nextafter(np.where(np.isnan(high), np.inf, high), np.inf)
    return Bounded(value, np.where(kept, low, value), np.where(kept, high, value))
