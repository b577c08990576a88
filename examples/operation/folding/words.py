"""A word of folding."""

from __future__ import annotations

import numpy as np

from attnspec.conformance.bounded import bounded
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.vocabulary.word import Value, word


@word("meanings")
def offset_of(p: Problem) -> Value:
    """The offset in every row, (N, T)."""
    return bounded(np.broadcast_to(p.arrays["offset"].astype(np.float64), (p.sizes["n"], p.sizes["t"])))
