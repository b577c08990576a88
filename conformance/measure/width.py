"""How many bits the accumulator of weights times V keeps, read by swamping.

With equal weights the output is a plain sum over n. 2^15, −2^15 and one small value b bits below them are put at random
places: if the small one ever meets a big one in an accumulator of no more than b bits, it is lost, and the big ones then
cancel to nothing. Each value feature has places of its own, so one call tries many orders, and an order that happens to
cancel the big ones first hides nothing. The idea is that of FPRev (Xie, Gao and Xue 2024, arXiv:2411.00442).
"""

from __future__ import annotations

import numpy as np

from ..engine.subject import Subject
from .asking import FEATURES, outputs, problem

__all__ = ["accumulator_bits"]

KEYS = 1024
"""More than the widest tile known on CPUs, 512, and a power of two."""

QUERIES = 4
BIG = 2.0**15
MOST = 29
"""2^(15 − 29) is the smallest normal number of float16."""


def accumulator_bits(subject: Subject) -> int:
    """Bits of the narrowest accumulator that the output passes through: 24 for float32, 11 for float16, 8 for bfloat16.

    Parts that are merged by their logsumexp round more than an accumulator does, and give fewer. 30 stands for more than 29.
    Raises NotClaimed, Raised and Broken as `Subject.out` does.
    """
    for below in range(1, MOST + 1):
        if not _kept(subject, below):
            return below
    return MOST + 1


def _kept(subject: Subject, below: int) -> bool:
    rng, small = np.random.default_rng(below), BIG * 2.0**-below
    values = np.zeros((KEYS, FEATURES))
    for feature in range(FEATURES):
        first, between, last = np.sort(rng.choice(KEYS, 3, replace=False))
        values[[first, between, last], feature] = BIG, small, -BIG
    values[[0, 1, KEYS - 1], 0] = BIG, small, -BIG
    values[2 : KEYS - 1, 0] = 0.0
    out = outputs(subject, problem(subject.dtype, np.zeros(QUERIES), np.zeros(KEYS), values))
    return bool((out == small / KEYS).all())
