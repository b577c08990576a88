"""Transforms of the queries: chunks of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problems.problem import Problem
from .keys import _no_positions
from .word import Undecided, word


@word("transforms")
def first_queries(p: Problem) -> Problem:
    """The query rows before a cut."""
    return _take_queries(p, slice(0, _cut(p)), "first_queries")


@word("transforms")
def other_queries(p: Problem) -> Problem:
    """The query rows from the cut of first_queries on."""
    return _take_queries(p, slice(_cut(p), p.sq), "other_queries")


def _cut(p: Problem) -> int:
    if p.sq < 2:
        raise Undecided("there are fewer than two queries to split")
    return int(p.generator("cut between queries").integers(1, p.sq))


def _take_queries(p: Problem, rows: slice, name: str) -> Problem:
    _no_positions(p, name)
    options: dict[str, Any] = {}
    for option in ("mask", "bias"):
        array = p.options.get(option)
        if array is not None and array.ndim >= 2 and array.shape[-2] == p.sq and p.sq > 1:
            options[option] = np.ascontiguousarray(array[..., rows, :])
    return p.having(q=np.ascontiguousarray(p.q[:, :, rows])).but(**options)
