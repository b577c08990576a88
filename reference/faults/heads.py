"""Mistakes about heads and batch entries: which key head serves a query head, and who gets whose numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import softmax
from ..inputs import Inputs
from .making import Answer, Array, Function, fault, textbook


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
