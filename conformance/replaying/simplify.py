"""Shrinks a failing problem by its values, after Hypothesis has shrunk its structure.

Random numbers tell a reader nothing. Where a law still fails with keys of zeros, or with a V that is one-hot, the numbers of
the finding can be worked out by hand. Each array is tried in turn: zeros, ones, one-hot, signs; and then as many of its rows as
possible are set to 0. Every step is kept only where the law still fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..operations import operation_named
from ..problems.problem import Problem

__all__ = ["SECONDS", "array_of", "simplify"]

SECONDS = 0.3
"""Time after which what was reached is good enough."""


def simplify(p: Problem, fails: Callable[[Problem], bool], seconds: float = SECONDS) -> tuple[Problem, dict[str, str]]:
    """A problem of the same structure with simpler values on which a law still fails, and what each array is now, in words.

    fails: whether the law fails on a problem; it holds for p. An array that could not be made simpler is not mentioned.
    """
    deadline = time.monotonic() + seconds
    said: dict[str, str] = {}
    added = operation_named(p.operation).spoken_of(lambda option: option.adds and option.broadcasts)
    for name in (*added, *reversed(list(p.arrays))):  # The last array comes first.
        own = array_of(p, name)
        if own is None or own.size == 0:
            continue
        words = None
        for what, simple in _simpler(own):
            if time.monotonic() > deadline:
                break
            if np.array_equal(simple, own):
                words = what
                break
            if fails(tried := _with(p, name, simple)):
                p, words = tried, what
                break
        if words != "0 throughout":
            p, kept = _fewer_rows(p, name, fails, deadline)
            rows = array_of(p, name).shape[-2] if array_of(p, name).ndim > 1 else 1
            if kept < rows:
                words = f"{'as drawn' if words is None else words}, and 0 in {rows - kept} of {rows} rows"
        if words is not None:
            said[name] = words
    return p, said


def _simpler(x: Any) -> Iterator[tuple[str, Any]]:
    """Simpler arrays of the same shape and dtype, the simplest first."""
    yield "0 throughout", np.zeros_like(x)
    yield "1 throughout", np.ones_like(x)
    if x.ndim > 1:
        one_hot = np.zeros_like(x)
        rows = np.arange(x.shape[-2])
        one_hot[..., rows, rows % x.shape[-1]] = 1
        yield "one-hot (row j holds 1 at j mod its length)", one_hot
    finite = np.where(np.isfinite(x.astype(np.float64)), x.astype(np.float64), 0.0)
    yield "its signs alone", np.sign(finite).astype(x.dtype)


def _fewer_rows(p: Problem, name: str, fails: Callable[[Problem], bool], deadline: float) -> tuple[Problem, int]:
    """Set halves, quarters and so on of the rows to 0 while the law fails. Also: how many rows are left that were not set."""
    x = array_of(p, name)
    if x.ndim < 2:
        return p, 1
    kept = np.arange(x.shape[-2])
    size = max(len(kept) // 2, 1)
    while size >= 1 and len(kept) > 1:
        start = 0
        while start < len(kept) and len(kept) > 1:
            if time.monotonic() > deadline:
                return p, len(kept)
            dropped = kept[start : start + size]
            fewer = np.array(array_of(p, name), copy=True)
            fewer[..., dropped, :] = 0
            if len(dropped) < len(kept) and fails(tried := _with(p, name, fewer)):
                p, kept = tried, np.setdiff1d(kept, dropped)
            else:
                start += size
        size //= 2
    return p, len(kept)


def array_of(p: Problem, name: str) -> Any:
    """An array of a problem, or of an option of it, by its name; None for an option that is not given."""
    return p.arrays[name] if name in p.arrays else p.options.get(name)


def _with(p: Problem, name: str, x: Any) -> Problem:
    free = replace(p, fair_values=None)
    return free.having(**{name: x}) if name in p.arrays else free.but(**{name: x})
