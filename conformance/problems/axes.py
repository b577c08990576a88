"""What belongs to a head, a batch entry, a query or a key, of the options of a problem: their arrays name their axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operations.known import operation_named
from .problem import Problem

__all__ = ["axes_of", "counting", "shape_written", "taken"]


def taken(p: Problem, size: str, order: Sequence[int] | NDArray[Any] | slice) -> dict[str, Any]:
    """The options with an axis of this size, with the entries of the given order along it. One that broadcasts there, or counts
    something else, stays as it is and is not among them.
    """
    return {
        name: tuple(_along(part, axis, order) for part in value) if isinstance(value, tuple) else _along(value, axis, order)
        for name, value, axis in _having(p, size)
    }


def axes_of(p: Problem, name: str) -> tuple[str, ...]:
    """The sizes of the axes of an option by its name in the spec, where it is an array whose axes are known."""
    return next((o.axes[name] for o in operation_named(p.operation).options.values() if name in o.axes), ())


def counting(p: Problem, but_along: str = "") -> list[str]:
    """The options of a problem that count positions, by their names in the spec; but those that have an axis of this size."""
    options = operation_named(p.operation).options.items()
    kept = ((n, o) for n, o in options if o.counts and not any(but_along in axes for axes in o.axes.values() if but_along))
    counted = [each for name, option in kept for each in option.stands_for or (name,)]
    return [name for name in counted if name in p.options]


def shape_written(p: Problem, name: str) -> tuple[int, ...] | None:
    """The shape of an option that a law may write as one number for all; None where it is no array of such a shape."""
    axes = axes_of(p, name)
    known = next((o for o in operation_named(p.operation).options.values() if name in o.axes), None)
    if known is None or known.broadcasts or known.make is None or not set(axes) <= set(p.sizes):
        return None
    return tuple(p.sizes[size] for size in axes)


def _having(p: Problem, size: str) -> Iterator[tuple[str, Any, int]]:
    for option in operation_named(p.operation).options.values():
        for name, axes in option.axes.items():
            value = p.options.get(name)
            if value is None or size not in axes:
                continue
            place = axes.index(size)
            axis = place - len(axes) if option.broadcasts else place
            shape = np.shape(value[0] if isinstance(value, tuple) else value)
            if (len(shape) >= -axis if axis < 0 else len(shape) > axis) and shape[axis] == p.sizes[size]:
                yield name, value, axis


def _along(array: Any, axis: int, order: Sequence[int] | NDArray[Any] | slice) -> Any:
    if isinstance(order, slice):
        order = range(np.shape(array)[axis])[order]
    return np.ascontiguousarray(np.take(array, order, axis=axis))
