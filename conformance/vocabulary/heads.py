"""Transforms and combiners of heads and batch entries: one at a time, repeated, reversed, joined again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bounded import Bounded, bounded
from ..problems.problem import Problem
from .transforms import PER_KEY_HEAD
from .word import Problems, Value, Values, word

PER_HEAD = ("alibi_slopes", "sinks", "decay")
PER_HEAD_AND_ENTRY = ("gate", "beta", "initial_state")
"""Arrays, or pairs of arrays, (B, H, …)."""
PER_BATCH = ("q_segments", "kv_segments", "kv_lengths", *PER_KEY_HEAD)
BROADCAST = ("mask", "bias", "block_mask")


@word("transforms")
def each_head(p: Problem) -> Problems:
    """One problem for each query head, with the key head that serves it."""
    group = p.hq // p.hkv
    return [
        p.with_fair(p.v[:, h // group : h // group + 1], q=p.q[:, h : h + 1], k=p.k[:, h // group : h // group + 1]).but(
            **_taken(p, [h], axis=-3, names=PER_HEAD), **_of_key_heads(p, [h // group]), **_of_both(p, [h], 1)
        )
        for h in range(p.hq)
    ]


@word("transforms")
def each_entry(p: Problem) -> Problems:
    """One problem for each entry of the batch."""
    return [
        p.with_fair(p.v[b : b + 1], q=p.q[b : b + 1], k=p.k[b : b + 1]).but(
            **_taken(p, [b], axis=-4, names=PER_BATCH), **_of_both(p, [b], 0)
        )
        for b in range(p.b)
    ]


@word("transforms")
def repeat_kv(p: Problem) -> Problem:
    """Grouped queries written out: every key head repeated once for each query head of its group."""
    group = p.hq // p.hkv
    of_heads = _of_key_heads(p, list(np.repeat(np.arange(p.hkv), group)))
    return p.with_fair(np.repeat(p.v, group, axis=1), k=np.repeat(p.k, group, axis=1)).but(**of_heads)


@word("transforms")
def reverse_heads(x: Problem | Value) -> Problem | Value:
    """The heads in reverse order, of a problem (queries, keys and options alike) or of a result (B, Hq, …)."""
    if not isinstance(x, Problem):
        return bounded(x).each(lambda a: a[:, ::-1])
    order = list(range(x.hq))[::-1]
    options = _taken(x, order, axis=-3, names=PER_HEAD) | _of_key_heads(x, list(range(x.hkv))[::-1]) | _of_both(x, order, 1)
    return x.with_fair(_copy(x.v[:, ::-1]), q=_copy(x.q[:, ::-1]), k=_copy(x.k[:, ::-1])).but(**options)


@word("transforms")
def reverse_batch(x: Problem | Value) -> Problem | Value:
    """The batch entries in reverse order, of a problem or of a result (B, …)."""
    if not isinstance(x, Problem):
        return bounded(x).each(lambda a: a[::-1])
    order = list(range(x.b))[::-1]
    options = _taken(x, order, axis=-4, names=PER_BATCH) | _of_both(x, order, 0)
    return x.with_fair(_copy(x.v[::-1]), q=_copy(x.q[::-1]), k=_copy(x.k[::-1])).but(**options)


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


def _taken(p: Problem, order: list[int], axis: int, names: tuple[str, ...]) -> dict[str, Any]:
    """The options of some heads (axis −3) or batch entries (axis −4): per-head or per-entry arrays, mask and bias."""
    options: dict[str, Any] = {name: _copy(p.options[name][order]) for name in names if name in p.options}
    for name in BROADCAST:
        array = p.options.get(name)
        if array is not None and array.ndim >= -axis and array.shape[axis] > 1:
            options[name] = _copy(np.take(array, order, axis=axis))
    return options


def _of_key_heads(p: Problem, heads: list[int]) -> dict[str, Any]:
    """The options of some key heads."""
    return {name: _copy(p.options[name][:, heads]) for name in PER_KEY_HEAD if name in p.options}


def _of_both(p: Problem, order: list[int], axis: int) -> dict[str, Any]:
    """Options (B, H, …) of some batch entries (axis 0) or heads (axis 1). A packed batch has one entry, whose states all
    stay."""
    options: dict[str, Any] = {}
    for name in PER_HEAD_AND_ENTRY if axis or "cu_seqlens" not in p.options else ():
        value = p.options.get(name)
        if value is not None:
            several = isinstance(value, tuple)
            parts = tuple(_copy(np.take(x, order, axis=axis)) for x in (value if several else (value,)))
            options[name] = parts if several else parts[0]
    return options


def _copy(array: Any) -> Any:
    return np.ascontiguousarray(array)
