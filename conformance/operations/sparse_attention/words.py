"""Transforms of sparse patterns: without one, a wider one, the blocks that another one leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....reference.attention.masks import offset
from ....reference.sparse_attention.choice import clear_choice as surely_chosen
from ....reference.sparse_attention.definition import SPARSE_OPTIONS
from ...bounded import Bounded, bounded
from ...meaning import attended, derived, options_of
from ...problems.problem import Problem
from ...vocabulary.word import Undecided, Value, word

if TYPE_CHECKING:
    from ...engine.subject import Subject


@word("transforms")
def dense(p: Problem) -> Problem:
    """The same problem with no key left out but by causality: without window, dilation, global tokens, block mask and top_k."""
    return p.but(**dict.fromkeys(name for name in SPARSE_OPTIONS if name != "causal"))


@word("transforms")
def wider(p: Problem) -> Problem:
    """The same problem with a window that is one to three keys wider, on each side that has a limit."""
    if "window" not in p.options:
        raise Undecided("there is no window")
    grown = p.generator("grown window").integers(1, 4, 2)
    return p.but(
        window=tuple(None if side is None else side + int(n) for side, n in zip(p.options["window"], grown, strict=True))
    )


@word("transforms")
def covered(p: Problem) -> Problem:
    """The same problem with the smallest window that hides nothing."""
    if not (p.sq and p.sk):
        raise Undecided("there is no query or no key")
    first = int(offset(p.convention("causal_alignment", "top-left"), p.sq, np.array([p.sk]))[0])
    return p.but(window=(max(0, first + p.sq - 1), max(0, p.sk - 1 - first)))


@word("transforms")
def other_blocks(p: Problem) -> Problem:
    """The same problem with exactly the blocks that its block mask leaves out."""
    if "block_mask" not in p.options:
        raise Undecided("there is no block mask")
    return p.but(block_mask=~p.options["block_mask"])


@word("observations")
def clear_choice(subject: Subject, p: Problem) -> Value:
    """1 for rows whose top_k keys no rounding of the declared arithmetic can mistake for others, (B, Hq, Sq, 1)."""
    top_k = p.options.get("top_k")
    if top_k is None:
        return bounded(np.ones((p.b, p.hq, p.sq, 1), dtype=bool))
    free = derived(p, "unchosen", lambda: p.but(top_k=None))
    how: dict[str, Any] = {"arithmetic": subject.arithmetic, "dtype": p.dtype, **options_of(free)}
    return bounded(surely_chosen(p.q, p.k, top_k, attended(p).visible, **how))


@word("combiners")
def distance(a: Value, b: Value) -> Value:
    """How far two values are apart, |a − b|."""
    apart = bounded(a) - b
    ends = np.abs(apart.low), np.abs(apart.high)
    low = np.where((apart.low <= 0) & (apart.high >= 0), 0.0, np.minimum(*ends))
    unknown = np.isneginf(apart.low) & np.isposinf(apart.high)
    return Bounded(np.abs(apart.value), np.where(unknown, -np.inf, low), np.maximum(*ends))


@word("combiners")
def mirrored(x: Value) -> Value:
    """Weights with queries and keys exchanged, (B, Hq, Sk, Sq)."""
    return bounded(x).each(lambda a: np.swapaxes(a, -1, -2))
