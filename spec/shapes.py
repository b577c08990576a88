"""Shapes of the spec, "(B, Hq, Sq, D)", as names of axes, and the sizes that arrays of these shapes have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from .operations import operations

__all__ = [
    "Result",
    "arguments_of",
    "arrays_among",
    "axes_of",
    "in_layout",
    "is_array",
    "results_of",
    "shared",
    "sizes_in",
    "sizes_of",
]

SHARED = {"H": ("hq", "hkv")}
"""Axes whose length is several sizes that must be equal. Each other axis has a size of its own, its name in small letters."""


def axes_of(shape: str) -> tuple[str, ...]:
    """The axes of a shape. Raises ValueError for what is no shape, or names an axis twice."""
    inside = shape.strip().removeprefix("(").removesuffix(")")
    axes = tuple(part.strip() for part in inside.split(",") if part.strip())
    if not (shape.strip().startswith("(") and shape.strip().endswith(")")) or not all(axis.isidentifier() for axis in axes):
        raise ValueError(f"{shape!r} is no shape; a shape is like (B, Hq, Sq, D)")
    if len(set(axes)) < len(axes):
        raise ValueError(f"{shape!r} names an axis twice")
    return axes


class Result(NamedTuple):
    """One result: its axes, the option that asks for it, and its dtype; empty where it always comes, or as the output does."""

    axes: tuple[str, ...]
    asked: str
    dtype: str


@cache
def arguments_of(operation: str) -> Mapping[str, tuple[str, ...]]:
    """The arrays that an operation takes, in their order: name → axes. Raises KeyError for an operation that is not stated."""
    stated: Mapping[str, Any] = operations()[operation]["arguments"]
    return {name: axes_of(about["shape"]) for name, about in stated.items()}


def in_layout(axes: tuple[str, ...]) -> bool:
    """Whether an array has the order (B, H, S, D), which an implementation may take and give in another layout."""
    return tuple(axis[0] for axis in axes) == ("B", "H", "S", "D")


@cache
def results_of(operation: str) -> Mapping[str, Result]:
    """What an operation gives, in the order in which it is returned: name → axes, and the option that asks for it."""
    stated: Mapping[str, Any] = operations()[operation]["results"]
    return {
        name: Result(axes_of(about["shape"]), about.get("asked", ""), about.get("dtype", "")) for name, about in stated.items()
    }


def is_array(kind: str) -> bool:
    """Whether the type of an option is one of arrays: of a dtype, with a shape."""
    return re.match(r"\(?(bool|float|int)\w*\b[^()]*\(", kind) is not None


@cache
def arrays_among(operation: str) -> frozenset[str]:
    """The options of an operation whose values are arrays, or tuples of them."""
    return frozenset(name for name, about in operations()[operation]["options"].items() if is_array(about["type"]))


def sizes_of(arguments: Mapping[str, tuple[str, ...]], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Size → length, of arrays by name. Where arrays that do not fit together disagree, the first that has the axis tells."""
    found: dict[str, int] = {}
    for name, axes in arguments.items():
        for axis, length in zip(axes, shapes[name], strict=True):
            for size in SHARED.get(axis, (axis.lower(),)):
                found.setdefault(size, int(length))
    return found


def sizes_in(axes: tuple[str, ...]) -> tuple[str, ...]:
    """The size of each axis; of several that must be equal, the first."""
    return tuple(SHARED.get(axis, (axis.lower(),))[0] for axis in axes)


def shared(arguments: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Sizes that are one number, because arrays have one axis for them."""
    axes = dict.fromkeys(axis for each in arguments.values() for axis in each)
    return [SHARED[axis] for axis in axes if axis in SHARED]
