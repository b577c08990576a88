"""One number that explains an output: everything times c, every logsumexp times c, or every score times c.

A wrong constant (log2 e for 1, 1/sqrt(Dv) for 1/sqrt(D)) leaves the shape of an output whole. The number is looked for on one
problem and must then explain every entry of every problem within its room; where it does not, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...reference.arithmetic import ROUNDOFF
from ...reference.attention.textbook import attention
from ..meaning import options_of
from ..operations import operation_named
from ..operations.over_heads.scale import scaled
from .call_log import Call, Observed
from .sample import Sample

__all__ = ["factors"]

SEARCHED = (1 / 32, 32.0)
"""Factors on scores that are looked for."""

ENOUGH = 64
"""Numbers in an output that fix a factor on scores: a larger one takes longer and says no more."""

STEPS = 60
"""Steps of the golden section: the bracket is then as narrow as float64."""


def factors(samples: Sequence[Sample]) -> list[str]:
    """Sentences such as `every number of the output is 1.4427 times what is due`; empty where one number explains nothing."""
    calls = [call for sample in samples for call in sample.calls if call.p is sample.p and "out" in call.observed]
    said = []
    for name, words in (("out", "number of the output"), ("lse", "logsumexp")):
        observed = [call.observed[name] for call in calls if name in call.observed]
        found = _multiple(observed)
        if found is not None and _tells(found, calls):
            said.append(f"every {words} is {found:.6g} times what is due")
    if not all(operation_named(call.p.operation).softmax for call in calls):
        return said  # it has no scores that something multiplies, or what multiplies them multiplies its output
    return said or _scores([call for call in calls if not call.p.dropped])


def _tells(factor: float, calls: Sequence[Call]) -> bool:
    """Whether a factor is further from 1 than one rounding of an input, which may be one that nobody declared."""
    return abs(factor - 1) > max(ROUNDOFF[call.p.dtype] for call in calls)


def _multiple(observed: Sequence[Observed]) -> float | None:
    """The factor that explains all arrays, if it is not 1 and something is wrong."""
    wrong = [one for one in observed if one.wrong.any()]
    if not wrong or not all(np.isfinite(one.value).all() for one in wrong):
        return None
    largest = max(wrong, key=lambda one: one.value.size)
    known = np.isfinite(largest.exact) & ~largest.free
    weight = float((largest.exact[known] ** 2).sum())
    if not weight:
        return None
    c = float((largest.exact[known] * largest.value[known]).sum()) / weight
    return c if c and all(_explained(one, c * one.exact) for one in observed) else None


def _scores(calls: Sequence[Call]) -> list[str]:
    """The factor on q·k·scale that explains all outputs."""
    outputs = [call for call in calls if np.isfinite(call.observed["out"].value).all()]
    wrong = [call for call in outputs if call.observed["out"].wrong.any()]
    if not wrong:
        return []
    by_size = sorted(wrong, key=lambda call: call.observed["out"].value.size)
    c = _best(next((call for call in by_size if call.observed["out"].value.size >= ENOUGH), by_size[-1]))
    if _tells(c, calls) and all(_explained(call.observed["out"], _scaled(call, c)) for call in outputs):
        return [f"the scores look multiplied by {c:.6g}"]
    return []


def _best(call: Call) -> float:
    """The factor on scores that comes closest: a coarse search, then a golden section in its logarithm."""

    def off(log: float) -> float:
        return float(np.nan_to_num((_scaled(call, math.exp(log)) - call.observed["out"].value) ** 2, nan=math.inf).sum())

    low, high = (math.log(c) for c in SEARCHED)
    grid = [float(x) for x in np.linspace(low, high, 57)]
    centre = min(range(len(grid)), key=lambda n: off(grid[n]))
    low, high = grid[max(centre - 1, 0)], grid[min(centre + 1, len(grid) - 1)]
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = off(left), off(right)
    for _ in range(STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = off(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = off(right)
    return math.exp((low + high) / 2)


def _scaled(call: Call, c: float) -> Any:
    p = call.p
    return attention(p.q, p.k, p.v, **scaled(p, options_of(p), c)).out


def _explained(one: Observed, made: Any) -> bool:
    return one.explained(made).good
