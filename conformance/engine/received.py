"""What an implementation returned, read back: in NumPy, in the order (B, H, S, D), and held to the contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...adapters.arrays import Arrays, layout_back
from ...adapters.contract import ContractError

__all__ = ["Broken", "received"]

FLOATING = ("float64", "float32", "float16", "bfloat16")
"""Dtypes in which results may come."""


class Broken(Exception):
    """The result breaks the contract (type, shape), so that no equation can be looked at."""


def received(
    arrays: Arrays, layout: str | None, name: str, part: Any, due: tuple[int, ...], laid_out: bool, checked: bool = True
) -> Any:
    """A result in NumPy and the order (B, H, S, D).

    arrays: of the framework. layout: of the implementation, in which a result lies if it is `laid_out`. due: the shape.
    checked: whether shape and dtype are held to the contract.
    Raises Broken for what the contract does not allow.
    """
    order = layout if laid_out else None
    shape = getattr(part, "shape", None)
    if checked and isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
        _check_shape(name, np.broadcast_to(np.int8(0), shape), order, laid_out, due)  # Before a copy of it is made.
    try:
        array = arrays.from_framework(part, name)
    except ContractError as error:
        raise Broken(str(error)) from None
    except MemoryError:
        raise Broken(f"{name} does not fit into memory, where {due} is due") from None
    if checked:
        _check_shape(name, array, order, laid_out, due)
    if array.ndim == 4 and laid_out:
        array = layout_back(array, layout)
    if checked and str(array.dtype) not in FLOATING:
        raise Broken(f"{name} has the dtype {array.dtype}, which is no floating dtype of the contract")
    return array


def _check_shape(name: str, array: Any, layout: str | None, laid_out: bool, due: tuple[int, ...]) -> None:
    shape = layout_back(array, layout).shape if array.ndim == 4 and laid_out else array.shape
    if shape != due:
        order = " (order B, H, S, D)" if laid_out else ""
        raise Broken(f"{name} has the shape {shape}{order} where {due} is due")
