"""Mistakes about heads and batch entries: which key head serves a query head, and who gets whose numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from .. import softmax
from ..inputs import Inputs
from .making import textbook

DIES = 8
"""Dies of the processor for which `heads-ordered-by-die` orders the heads."""

PLACED = ("mask", "bias", "alibi_slopes", "sinks", "q_segments", "kv_segments", "kv_lengths")
"""Options that belong to a head, a row or a key."""


@fault("grouped-heads-tiled")
def _grouped_heads_tiled() -> Function:
    return textbook(kv_head=lambda hq, hkv: np.arange(hq) % hkv)


@fault("first-key-head-for-all")
def _first_key_head_for_all() -> Function:
    return textbook(kv_head=lambda hq, hkv: np.zeros(hq, dtype=np.int64))


@fault("heads-leak")
def _heads_leak() -> Function:
    def mix(weights: Array, v: Array, visible: Array) -> Array:
        leaked = v.copy()
        leaked[..., 0] = np.roll(v[..., 0], -1, axis=1)
        return softmax.mix(weights, leaked, visible)

    return textbook(mix=mix)


@fault("lse-heads-reversed")
def _lse_heads_reversed() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(lse=answer.lse[:, ::-1])

    return attend


@fault("first-entry-for-all")
def _first_entry_for_all() -> Function:
    def first(given: Inputs) -> Inputs:
        return replace(given, k=np.broadcast_to(given.k[:1], given.k.shape), v=np.broadcast_to(given.v[:1], given.v.shape))

    return textbook(inputs=first)


@fault("value-features-cut")
def _value_features_cut() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(out=np.where(np.arange(v.shape[-1]) < k.shape[-1], answer.out, 0.0))

    return attend


@fault("key-head-by-count")
def _key_head_by_count() -> Function:
    return textbook(kv_head=lambda hq, hkv: np.minimum(np.arange(hq) // hkv, hkv - 1))


@fault("lse-heads-regrouped")
def _lse_heads_regrouped() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer, hkv = right(q, k, v, **options), k.shape[1]
        grouped = answer.lse.reshape(len(q), hkv, q.shape[1] // hkv, q.shape[2])
        return answer._replace(lse=grouped.swapaxes(1, 2).reshape(answer.lse.shape))

    return attend


@fault("heads-ordered-by-group")
def _heads_ordered_by_group() -> Function:
    def computed(hq: int, hkv: int) -> list[int]:
        group = hq // hkv
        return [x % group * group + x // group for x in range(hq)]

    return _only(computed)


@fault("heads-ordered-by-die")
def _heads_ordered_by_die() -> Function:
    def computed(hq: int, hkv: int) -> list[int]:
        return [_place_on_die(x, hq - 1) for x in range(hq)]

    return _only(computed)


def _place_on_die(x: int, heads: int) -> int:
    """Head x of `heads` when neighbours shall share one of DIES dies; one to one only if x < heads."""
    deep, full = -(-heads // DIES), heads % DIES or DIES
    die, place = x % DIES, x // DIES
    return die * deep + place if die < full else full * deep + (die - full) * (deep - 1) + place


def _only(computed: Callable[[int, int], list[int]]) -> Function:
    """Heads that computed(Hq, Hkv) does not name are never written, and hold zeros."""
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        written = np.isin(np.arange(q.shape[1]), computed(q.shape[1], k.shape[1]))[:, None]
        return answer._replace(out=np.where(written[..., None], answer.out, 0.0), lse=np.where(written, answer.lse, 0.0))

    return attend


@fault("attends-across-heads")
def _attends_across_heads() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        if q.shape[1:3] != k.shape[1:3] or any(options.get(name) is not None for name in PLACED):
            return answer
        across = right(*(x.swapaxes(1, 2) for x in (q, k, v)), **options)
        return answer._replace(out=across.out.swapaxes(1, 2), lse=across.lse.swapaxes(1, 2))

    return attend
