"""In words: what a problem that is ill-formed on purpose asks, and what came where a law asks for a fact, not for a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...adapters.first_use import FirstUse
from ...reports.wording import counted
from ..bounded import Bounded
from ..problems.problem import Problem

__all__ = ["accepted", "fact", "misfit"]


def accepted(first: FirstUse | None) -> str:
    """Who took what an error was expected for. first: how the arrays were first combined, where that can be seen."""
    if first is None:
        return "whether adapter or kernel accepted it cannot be seen: no operation of the framework got two of the arrays"
    operations = " and ".join(first.operations)
    if first.changed:
        return f"the adapter accepted it: it changed {' and '.join(first.changed)} for {operations}"
    return f"the kernel accepted it: {operations} got the arrays as they came"


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
