"""Transforms of the queries: chunks of rows."""

from __future__ import annotations

import numpy as np

from ..problems.axes import taken
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
    return p.having(q=np.ascontiguousarray(p.q[:, :, rows])).but(**taken(p, "sq", rows))
