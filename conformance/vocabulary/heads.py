"""Transforms and combiners of heads and batch entries: one at a time, repeated, reversed, joined again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bounded import Bounded, bounded
from ..problems.axes import taken
from ..problems.problem import Problem
from .word import Problems, Value, Values, word


@word("transforms")
def each_head(p: Problem) -> Problems:
    """One problem for each query head, with the key head that serves it."""
    group = p.hq // p.hkv
    return [
        p.with_fair(p.v[:, h // group : h // group + 1], q=p.q[:, h : h + 1], k=p.k[:, h // group : h // group + 1]).but(
            **taken(p, "hq", [h]), **taken(p, "hkv", [h // group])
        )
        for h in range(p.hq)
    ]


@word("transforms")
def each_entry(p: Problem) -> Problems:
    """One problem for each entry of the batch."""
    return [p.with_fair(p.v[b : b + 1], q=p.q[b : b + 1], k=p.k[b : b + 1]).but(**taken(p, "b", [b])) for b in range(p.b)]


@word("transforms")
def repeat_kv(p: Problem) -> Problem:
    """Grouped queries written out: every key head repeated once for each query head of its group."""
    group = p.hq // p.hkv
    of_heads = taken(p, "hkv", list(np.repeat(np.arange(p.hkv), group)))
    return p.with_fair(np.repeat(p.v, group, axis=1), k=np.repeat(p.k, group, axis=1)).but(**of_heads)


@word("transforms")
def reverse_heads(x: Problem | Value) -> Problem | Value:
    """The heads in reverse order, of a problem (queries, keys and options alike) or of a result (B, Hq, …)."""
    if not isinstance(x, Problem):
        return bounded(x).each(lambda a: a[:, ::-1])
    order = list(range(x.hq))[::-1]
    options = taken(x, "hq", order) | taken(x, "hkv", list(range(x.hkv))[::-1])
    return x.with_fair(_copy(x.v[:, ::-1]), q=_copy(x.q[:, ::-1]), k=_copy(x.k[:, ::-1])).but(**options)


@word("transforms")
def reverse_batch(x: Problem | Value) -> Problem | Value:
    """The batch entries in reverse order, of a problem or of a result (B, …)."""
    if not isinstance(x, Problem):
        return bounded(x).each(lambda a: a[::-1])
    order = list(range(x.b))[::-1]
    return x.with_fair(_copy(x.v[::-1]), q=_copy(x.q[::-1]), k=_copy(x.k[::-1])).but(**taken(x, "b", order))


@word("combiners")
def concat_heads(parts: Values) -> Value:
    """Results of single heads, joined along the heads."""
    return _joined(parts, 1)


@word("combiners")
def concat_entries(parts: Values) -> Value:
    """Results of single batch entries, joined along the batch."""
    return _joined(parts, 0)


def _joined(parts: list[Bounded], axis: int) -> Bounded:
    return Bounded(
        np.concatenate([x.value for x in parts], axis),
        np.concatenate([x.low for x in parts], axis),
        np.concatenate([x.high for x in parts], axis),
    )


def _copy(array: Any) -> Any:
    return np.ascontiguousarray(array)
