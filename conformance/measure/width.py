"""How many bits the accumulators of weights times V, and of the gradient in V, keep, read by swamping.

With equal weights the output is a plain sum over n. 2^15, −2^15 and one small value b bits below them are put at random
places: if the small one ever meets a big one in an accumulator of no more than b bits, it is lost, and the big ones then
cancel to nothing. Each value feature has places of its own, so one call tries many orders, and an order that happens to
cancel the big ones first hides nothing. The idea is that of FPRev (Xie, Gao and Xue 2024, arXiv:2411.00442).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...reference.arithmetic import LARGEST, SMALLEST_SUBNORMAL
from ..engine.subject import NotClaimed, Subject
from .asking import FEATURES, form_of, outputs, problem

__all__ = ["accumulator_bits", "gradient_bits", "most"]

KEYS = 1024
"""More than the widest tile known on CPUs, 512, and a power of two."""

QUERIES = 4
BIG = 2.0**15
MOST = 29
"""2^(15 − 29) is the smallest normal number of float16."""


def _range(dtype: str) -> tuple[float, int]:
    """BIG and MOST, less in a dtype that does not hold as much: from its largest power of two to its smallest number."""
    big = min(BIG, 2.0 ** (math.frexp(LARGEST[dtype])[1] - 1))
    return big, min(MOST, round(math.log2(big / SMALLEST_SUBNORMAL[dtype])))


def accumulator_bits(subject: Subject) -> int:
    """Bits of the narrowest accumulator that the output passes through: 24 for float32, 11 for float16, 8 for bfloat16.

    Parts that are merged by their logsumexp round more than an accumulator does, and give fewer. One more than
    `most(dtype)`, 30 in wide dtypes, stands for more than that. Raises NotClaimed, Raised and Broken as `Subject.out` does.
    """
    return _bits(subject, _kept)


def gradient_bits(subject: Subject) -> int:
    """The same of the accumulator in which the gradient in V is summed over the queries, here of one key.

    Raises NotClaimed where there is no backward pass, Raised and Broken as `Subject.gradients` does.
    """
    return _bits(subject, _kept_backwards)


def _bits(subject: Subject, kept: Callable[[Subject, int], bool]) -> int:
    last = most(subject.dtype)
    return next((below for below in range(1, last + 1) if not kept(subject, below)), last + 1)


def most(dtype: str) -> int:
    """The most bits that can be told in a dtype: 29, or 17 in e4m3."""
    return _range(dtype)[1]


def _kept(subject: Subject, below: int) -> bool:
    values, small = _swamping(subject, below)
    out = outputs(subject, np.zeros(QUERIES), np.zeros(KEYS), values)
    return bool((out == small / KEYS).all())


def _kept_backwards(subject: Subject, below: int) -> bool:
    rows, small = _swamping(subject, below)
    form = form_of(subject)
    if form.causal and subject.conventions.get("causal_alignment") == "bottom-right":
        raise NotClaimed("of many causal queries only the last sees a single key that stands at the end")
    p = problem(subject.dtype, np.zeros(KEYS), np.zeros(1), np.zeros((1, FEATURES)), replace(form, each="row"))
    upstream = np.zeros((1, 1, KEYS, form.features))
    upstream[..., :FEATURES] = rows
    subject.intervals = False
    dv = subject.gradients(p, upstream.astype(p.v.dtype))["dv"]
    return bool((dv.value[..., :FEATURES] == small).all())


def _swamping(subject: Subject, below: int) -> tuple[Any, float]:
    """(1024, 16): in each column two numbers that cancel and one that is `below` bits smaller; and that one."""
    big, _ = _range(subject.dtype)
    rng, small = np.random.default_rng(below), big * 2.0**-below
    values = np.zeros((KEYS, FEATURES))
    for feature in range(FEATURES):
        first, between, last = np.sort(rng.choice(KEYS, 3, replace=False))
        values[[first, between, last], feature] = big, small, -big
    values[[0, 1, KEYS - 1], 0] = big, small, -big
    values[2 : KEYS - 1, 0] = 0.0
    return values, small
