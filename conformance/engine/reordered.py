"""How a problem is put for an implementation whose conventions differ in form, and its answer put back.

Laws speak of query heads whose neighbours share a key head. An implementation that reads key head h mod Hkv gets its query
heads in the other order, with everything that belongs to them, and gives its results in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problems.axes import taken
from ..problems.problem import Problem

__all__ = ["heads_back", "heads_out", "in_order_of", "without_mass"]

NO_MASS = -10_000.0
"""Logsumexps at or below it stand for −∞, where that is the convention."""


def in_order_of(conventions: Mapping[str, str], p: Problem) -> Problem:
    """The problem with its query heads in the order of the implementation; p itself where that is the order of the spec."""
    order = _order(conventions, p)
    if order is None:
        return p
    return p.having(q=np.ascontiguousarray(p.q[:, order]), options={**p.options, **taken(p, "hq", order)})


def heads_out(conventions: Mapping[str, str], p: Problem, array: NDArray[Any]) -> NDArray[Any]:
    """An array (B, Hq, …) in the order of the implementation."""
    order = _order(conventions, p)
    return array if order is None else np.ascontiguousarray(array[:, order])


def heads_back(conventions: Mapping[str, str], p: Problem, array: NDArray[Any]) -> NDArray[Any]:
    """A result (B, Hq, …) of the implementation in the order of the spec."""
    order = _order(conventions, p)
    return array if order is None else np.ascontiguousarray(array[:, np.argsort(order)])


def without_mass(lse: NDArray[Any], visible: NDArray[Any]) -> NDArray[Any]:
    """The logsumexp (B, Hq, Sq) with −∞ for rows that see no key and whose finite number stands for it."""
    empty = ~visible.any(axis=-1) & (lse.astype(np.float64) <= NO_MASS)
    return np.where(empty, np.array(-np.inf, dtype=lse.dtype), lse)


def _order(conventions: Mapping[str, str], p: Problem) -> NDArray[Any] | None:
    """For each head of the implementation the head of the spec; None where they are the same."""
    if conventions.get("head_groups") != "interleaved" or p.hq == p.hkv or p.hkv == 1 or p.hq % p.hkv:
        return None
    return np.arange(p.hq).reshape(p.hkv, p.hq // p.hkv).T.reshape(-1)
