"""What every measurement shares: one head of plain keys and queries, and the answer as numbers.

A measurement needs no bound and no law. It asks for attention without options, on problems that are made by hand, and reads
what comes back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...adapters.contract import Implementation
from ...reference.rounding import DTYPES, round_to
from ..engine.conventions import settled
from ..engine.subject import Subject
from ..problems.problem import Problem

__all__ = ["FEATURES", "TooCoarse", "held", "logsumexps", "outputs", "problem", "subject_of"]

FEATURES = 16
"""Features of a query: the default scale is 1/4, a power of 4, so that no kernel rounds where it applies its root."""

SCALE = 0.25


class TooCoarse(ValueError):
    """A measurement asks for numbers that the dtype does not hold. The text says so."""


def subject_of(implementation: Implementation, dtype: str) -> Subject:
    """The implementation in one dtype, ready to be asked."""
    return Subject(implementation, dtype, {name: choice for name, (choice, _) in settled(implementation).items()})


def problem(dtype: str, rows: Any, keys: Any, values: Any) -> Problem:
    """One head in which the score of query i and key j is −rows_i · keys_j, and the values are those given.

    rows: (Sq,), keys: (Sk,), values: (Sk, 16). Raises TooCoarse where the dtype cannot hold one of them exactly.
    """
    q, k = np.zeros((1, 1, len(rows), FEATURES)), np.zeros((1, 1, len(keys), FEATURES))
    q[0, 0, :, 0], k[0, 0, :, 0] = np.asarray(rows) / SCALE, -np.asarray(keys, dtype=np.float64)
    v = np.asarray(values, dtype=np.float64)[None, None]
    return Problem(_exact(q, dtype), _exact(k, dtype), _exact(v, dtype), dtype)


def held(rows: NDArray[np.float64], dtype: str) -> NDArray[np.float64]:
    """Those of some rows that `problem` can ask for in a dtype."""
    return rows[round_to(rows / SCALE, dtype) == rows / SCALE]


def _exact(x: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    if not np.array_equal(round_to(x, dtype), x):
        raise TooCoarse(f"{dtype} does not hold the numbers that it asks for")
    return x.astype(DTYPES[dtype])


def outputs(subject: Subject, p: Problem) -> NDArray[np.float64]:
    """The output of one head, (Sq, Dv). Raises NotClaimed, Raised and Broken as `Subject.out` does."""
    return np.asarray(subject.out_only(p).astype(np.float64)[0, 0])


def logsumexps(subject: Subject, p: Problem) -> NDArray[np.float64]:
    """The logsumexp of one head, (Sq,). Raises NotClaimed where the implementation does not return it."""
    return np.asarray(subject.lse_only(p).astype(np.float64)[0, 0])
