"""In words: what a problem that is ill-formed on purpose asks, and what came where a law asks for a fact, not for a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...reports.wording import counted
from ..bounded import Bounded
from ..problems.problem import Problem

__all__ = ["ACCEPTED", "fact", "misfit"]


ACCEPTED = "the function under test accepted it; if that wraps a kernel, the wrapper may have converted it first"
"""Said where an error was expected: which of the two was careless is not visible from outside."""


def fact(value: float, sentences: Callable[[], list[str]]) -> Bounded:
    """A number that is no measurement. sentences: what a reader is told where it is not the one that a law asks for."""
    exact = np.asarray(float(value))
    return Bounded(exact, exact, exact, reading=lambda places: sentences())


def misfit(p: Problem) -> str:
    """What does not fit together: `queries in float32 with keys in float16`."""
    return ", ".join(_misfits(p)) or "what is ill-formed"


def _misfits(p: Problem) -> Iterator[str]:
    q, k, v = p.q, p.k, p.v
    dtypes = [str(x.dtype) for x in (q, k, v)]
    if len(set(dtypes)) > 1:
        yield _apart("in {}", *dtypes)
    if q.shape[1] % max(k.shape[1], 1):
        yield f"{counted(q.shape[1], 'query head')} with {counted(k.shape[1], 'key head')}"
    if q.shape[0] != k.shape[0]:
        yield f"queries of {q.shape[0]} batch entries with keys of {k.shape[0]}"
    if q.shape[3] != k.shape[3]:
        yield f"queries of {counted(q.shape[3], 'feature')} with keys of {k.shape[3]}"
    if k.shape[2] != v.shape[2]:
        yield f"{counted(k.shape[2], 'key')} with {counted(v.shape[2], 'value')}"


def _apart(how: str, *found: Any) -> str:
    """Names that share what they have: `queries and values in float32 with keys in float16`."""
    groups: dict[Any, list[str]] = {}
    for name, each in zip(("queries", "keys", "values"), found, strict=True):
        groups.setdefault(each, []).append(name)
    return " with ".join(f"{' and '.join(names)} {how.format(each)}" for each, names in groups.items())
