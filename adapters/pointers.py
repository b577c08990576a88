"""A decorator for functions that hand pointers on, as with ctypes and cffi: what a pointer cannot say is checked before.

A library that gets a pointer takes what lies there for what it expects. Arrays of another dtype, with gaps between rows, or of
lengths that do not fit together make it read and write where nothing of it lies, so that a wrong call crashes, or worse, does
not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ..spec.shapes import arguments_of

__all__ = ["for_pointers"]

F = TypeVar("F", bound=Callable[..., Any])


def for_pointers(operation: str, dtype: str, *, copies: bool = True) -> Callable[[F], F]:
    """Have a function (q, k, v, **options) called only with arrays that pointers can stand for.

    operation: whose shapes the array arguments must have; sizes of one name are equal, and Hq is a multiple of Hkv. dtype: the
    name of the dtype that each must have. copies: whether an array that does not lie in the order of C without gaps is
    copied into one that does; if not, it is refused. Options that are arrays are handed on as they are.

    The decorated function raises TypeError for what is no NumPy array or of another dtype, and ValueError for shapes that do
    not fit together, and for an array that would have to be copied where that is not wished; each names the argument.
    """
    axes = arguments_of(operation)

    def declare(function: F) -> F:
        @functools.wraps(function)
        def checked(*arguments: Any, **options: Any) -> Any:
            given = dict(zip(axes, arguments, strict=False))
            for name, x in given.items():
                _check_kind(name, x, dtype)
            _check_shapes(axes, given)
            laid = [_laid(name, x, copies) for name, x in given.items()]
            return function(*laid, *arguments[len(laid) :], **options)

        return checked  # type: ignore[return-value]

    return declare


def _check_kind(name: str, x: Any, dtype: str) -> None:
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{name} is a {type(x).__name__}, not a NumPy array")
    if x.dtype.name != dtype or not x.dtype.isnative:
        raise TypeError(f"{name} has the dtype {x.dtype}, and the library takes {dtype}")


def _check_shapes(axes: Mapping[str, tuple[str, ...]], given: Mapping[str, Any]) -> None:
    sizes: dict[str, tuple[int, str]] = {}
    for name, x in given.items():
        due = axes[name]
        if x.ndim != len(due):
            raise ValueError(f"{name} has {x.ndim} axes, {x.shape}, and ({', '.join(due)}) is due")
        for axis, length in zip(due, x.shape, strict=True):
            known, of = sizes.setdefault(axis, (length, name))
            if known != length:
                raise ValueError(f"{axis} is {known} in {of} and {length} in {name}")
    if {"Hq", "Hkv"} <= set(sizes):
        query_heads, key_heads = sizes["Hq"][0], sizes["Hkv"][0]
        if query_heads % key_heads if key_heads else query_heads:
            raise ValueError(f"Hq is {query_heads}, which is no multiple of Hkv, {key_heads}")


def _laid(name: str, x: Any, copies: bool) -> Any:
    if x.flags.c_contiguous and x.flags.aligned:
        return x
    if not copies:
        raise ValueError(f"{name} does not lie in the order of C without gaps; its strides are {x.strides}")
    return np.array(x, order="C")
