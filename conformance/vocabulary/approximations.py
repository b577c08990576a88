"""Words that hold an approximation against what it approximates, softmax attention, and how far the two may lie apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...reference.linear_attention.features import TAYLOR, degree
from ...reference.linear_attention.taylor import series_error
from ..bounded import bounded
from ..meaning import attended, derived
from ..operations import operation_named
from ..operations.attention.record import ATTENTION
from ..problems.problem import Problem
from .random_features import scores
from .word import Undecided, Value, word

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
def series_remainder(p: Problem) -> Value:
    """How far attention by the Taylor map of p may lie from softmax attention, (B, H, Sq, Dv), roundings aside; a theorem."""
    name = str(p.options.get("feature_map", "identity"))
    if name not in TAYLOR or "normalize" not in p.options:
        raise Undecided("there is no normalised Taylor map")
    exact = attended(as_softmax(p))
    made = series_error(degree(name), bounded(scores(as_softmax(p))).value, exact.weights, p.v.astype(np.float64))
    if np.isinf(made).all():
        raise Undecided("scores are so large that the theorem says nothing of any row")
    return bounded(made)
