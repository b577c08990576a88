"""Mistakes about top-k: from what it chooses, how many, and what becomes of equal scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...attention.faults.making import textbook
from ...faults.making import Answer, Array, Function, fault
from ..definition import best
from .patterns import definition, kept_of, masked_by, scores_under


def _chosen(choose: Any) -> Function:
    """Sparse attention in which `choose(q, k, kept, top_k, options)` narrows the keys that the pattern keeps."""

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        kept, top_k = kept_of(q, k, options), options.get("top_k")
        narrowed = kept if top_k is None else choose(q, k, kept, top_k, options)
        return masked_by(textbook(), q, k, v, narrowed, {**options, "top_k": None})

    return attend


@fault("top-k-before-causality")
def _top_k_before_causality() -> Function:
    def choose(q: Array, k: Array, kept: Array, top_k: int, options: dict[str, Any]) -> Array:
        before = kept_of(q, k, {**options, "causal": False})
        return np.asarray(best(scores_under(q, k, before, options), before, top_k) & kept)

    return _chosen(choose)


@fault("top-k-cut-to-queries")
def _top_k_cut_to_queries() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        top_k = options.get("top_k")
        return right(q, k, v, **{**options, "top_k": None if top_k is None else min(top_k, q.shape[2])})

    return attend


@fault("top-k-keeps-ties")
def _top_k_keeps_ties() -> Function:
    def choose(q: Array, k: Array, kept: Array, top_k: int, options: dict[str, Any]) -> Array:
        scores = scores_under(q, k, kept, options)
        ordered = np.sort(scores, axis=-1)[..., ::-1]
        last = ordered[..., min(top_k, scores.shape[-1]) - 1, None] if scores.shape[-1] else scores
        return np.asarray(kept & (scores >= last))

    return _chosen(choose)


@fault("top-k-one-fewer")
def _top_k_one_fewer() -> Function:
    def choose(q: Array, k: Array, kept: Array, top_k: int, options: dict[str, Any]) -> Array:
        return best(scores_under(q, k, kept, options), kept, top_k - 1)

    return _chosen(choose)


@fault("top-k-of-smallest")
def _top_k_of_smallest() -> Function:
    def choose(q: Array, k: Array, kept: Array, top_k: int, options: dict[str, Any]) -> Array:
        return best(-scores_under(q, k, kept, options), kept, top_k)

    return _chosen(choose)


@fault("top-k-of-first-head")
def _top_k_of_first_head() -> Function:
    def choose(q: Array, k: Array, kept: Array, top_k: int, options: dict[str, Any]) -> Array:
        return np.asarray(kept & best(scores_under(q, k, kept, options), kept, top_k)[:, :1])

    return _chosen(choose)
