"""Words that hold an approximation against what it approximates, softmax attention, and how far the two may lie apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....bounded import Bounded, from_ends
from ....meaning import derived
from ....operations import operation_named
from ....problems.problem import Problem
from ....vocabulary.word import Undecided, Value, word
from ...over_heads.scale import scale_of
from ..record import ATTENTION

EXACT = 2.0**-48
"""Relative room of what these words compute in float64 from few numbers."""

KEPT = ("causal", "kv_lengths")
"""Options that mean the same in softmax attention."""


@word("transforms")
def as_softmax(p: Problem) -> Problem:
    """The problem of softmax attention that p approximates: the same queries, keys and values, scores with the factor of p."""
    return derived(p, "softmax", lambda: _as_softmax(p))


def _as_softmax(p: Problem) -> Problem:
    scale = operation_named(p.operation).softmax_scale
    if scale is None:
        raise Undecided(f"{p.operation} approximates no softmax attention")
    kept = {name: p.options[name] for name in KEPT if name in p.options}
    return replace(
        p, options={**kept, "scale": scale(p)}, operation=ATTENTION.name, conventions={"causal_alignment": "top-left"}
    )


@word("meanings")
def scores(p: Problem) -> Value:
    """scale·q·k of every query and key, (B, H, Sq, Sk)."""
    return near(scale_of(p) * np.einsum("bhqd,bhkd->bhqk", p.q.astype(np.float64), p.k.astype(np.float64)))


def near(x: np.ndarray) -> Bounded:
    return from_ends(x, x - EXACT * np.abs(x), x + EXACT * np.abs(x))
