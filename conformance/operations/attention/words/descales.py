"""Words for descales: what q, k and v are multiplied by, one number for each key head of each batch entry."""

from __future__ import annotations

import numpy as np

from ....bounded import Bounded, bounded
from ....problems.problem import Problem
from ....vocabulary.word import Value, word


@word("meanings")
def q_descale(p: Problem) -> Value:
    """The descale of the queries, (B, Hkv); ones where none is given."""
    return _descale(p, "q_descale")


@word("meanings")
def k_descale(p: Problem) -> Value:
    """The descale of the keys, (B, Hkv); ones where none is given."""
    return _descale(p, "k_descale")


@word("meanings")
def v_descale(p: Problem) -> Value:
    """The descale of the values, (B, Hkv); ones where none is given."""
    return _descale(p, "v_descale")


def _descale(p: Problem, name: str) -> Bounded:
    given = p.options.get(name)
    return bounded(np.ones((p.b, p.hkv)) if given is None else np.asarray(given, dtype=np.float64))
