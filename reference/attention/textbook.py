"""Attention as the textbook writes it: queries, keys, values; scores; what is visible; weights; output.

This is what spec/attention/operation.yaml means. Everything is float64 NumPy, nothing is tiled or fused, and each
line calls one step of `steps.Steps`, so that a fault is the same pipeline with one step replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .inputs import Inputs, read
from .masks import attended_lengths
from .steps import STEPS, Steps

__all__ = ["STEPS", "Attended", "Steps", "attention"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Attended:
    """What attention computes for R query rows.

    out: float64 (B, Hq, R, Dv).
    lse: float64 (B, Hq, R), natural logarithm of the sum of exp over the visible scores and the sink; −inf in empty rows.
    weights: float64 (B, Hq, R, Sk), before dropout; 0 where hidden, so 0 throughout an empty row.
    scores: float64 (B, Hq, R, Sk), after scale, softcap, bias and ALiBi; −inf where hidden.
    visible: bool (B, Hq, R, Sk).
    """

    out: Array
    lse: Array
    weights: Array
    scores: Array
    visible: Array


def attention(q: Any, k: Any, v: Any, *, rows: Sequence[int] | None = None, steps: Steps = STEPS, **options: Any) -> Attended:
    """softmax(scale·Q·Kᵀ)·V with every option of the spec, under the given conventions.

    q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in any real dtype, converted exactly.
    rows: answer for these query rows only, at a cost linear in their number. options: fields of options.Options.
    A row that sees no key gives what `empty_rows` says (the mean of no keys at all is 0), unless it has a sink: then
    its output is 0 and its logsumexp the sink. Under `unmasked` it sees every key within the length and of finite bias.
    A bias of −inf hides its key. Hidden keys may hold NaN and infinities.

    Raises ValueError for arguments that do not fit, naming the argument; TypeError for an unknown option.
    Source: Vaswani et al. 2017, "Attention is all you need", equation 1; the options name theirs in masks and scores.
    """
    given = read(q, k, v, rows=rows, **options)
    with np.errstate(all="ignore"):
        return _attend(steps.descale(steps.inputs(given)), steps)


def _attend(given: Inputs, steps: Steps) -> Attended:
    heads = steps.kv_head(given.q.shape[1], given.k.shape[1])
    query, key, value = given.q, given.k[:, heads], given.v[:, heads]
    sinks = np.full((1, query.shape[1], 1, 1), -np.inf) if given.sinks is None else given.sinks

    lengths = attended_lengths(given.kv_lengths, key.shape[0], key.shape[2])
    offset = steps.offset(given.causal_alignment, given.sq, lengths)
    i, j = given.rows[:, None] + offset[:, None, None, None], np.arange(key.shape[2])

    visible = _visible(given, lengths, i, j, steps)
    scores = _scores(given, query, key, visible, i, j, steps)

    shift = steps.shift(scores, sinks)
    numerators = steps.numerators(scores, shift, sinks)
    total = steps.row_sum(numerators, shift, sinks, visible)
    weights = steps.normalize(numerators, total)
    lse = steps.logsumexp(shift, total)

    kept = weights if given.dropout_keep is None else steps.dropout(weights, given.dropout_keep, given.dropout_p)
    out = steps.mix(kept, value, visible)
    out = np.where(steps.is_empty(total), steps.empty_row(value, given.empty_rows), out)
    return Attended(np.asarray(out), lse[..., 0], weights, scores, visible)


def _visible(given: Inputs, lengths: Array, i: Array, j: Array, steps: Steps) -> Array:
    """Which keys each row sees, bool (B, Hq, R, Sk): those that every option allows."""
    allowed = [steps.lengths(j, lengths[:, None, None, None])]
    if given.causal:
        allowed.append(steps.causal(i, j))
    if given.window is not None:
        allowed.append(steps.window(i, j, *given.window))
    if given.mask is not None:
        allowed.append(steps.mask(given.mask))
    if given.bias is not None:
        allowed.append(steps.bias_allows(given.bias))
    if given.q_segments is not None:
        allowed.append(steps.segments(given.q_segments, given.kv_segments))
    visible = np.ones((given.q.shape[0], given.q.shape[1], len(given.rows), len(j)), dtype=bool)
    for each in allowed:
        visible &= each
    if given.empty_rows == "unmasked":
        visible |= ~visible.any(axis=-1, keepdims=True) & _unmasked(given, lengths, j, steps)
    return visible


def _unmasked(given: Inputs, lengths: Array, j: Array, steps: Steps) -> Array:
    """Keys that a row sees where no mask of any kind is applied, broadcastable to (B, Hq, R, Sk); none where it has a sink."""
    there = steps.lengths(j, lengths[:, None, None, None])
    if given.bias is not None:
        there = there & steps.bias_allows(given.bias)
    return np.asarray(there if given.sinks is None else there & np.isneginf(given.sinks))


def _scores(given: Inputs, query: Array, key: Array, visible: Array, i: Array, j: Array, steps: Steps) -> Array:
    """The scores, (B, Hq, R, Sk): q·k, changed by each stage in the order of `steps.order`."""
    scores = steps.dot(query, key)
    for stage in steps.order:
        if stage == "scale":
            scores = steps.scale(scores, steps.scale_of(given.scale, query.shape[-1], given.v.shape[-1]))
        elif stage == "softcap" and given.softcap is not None:
            scores = steps.softcap(scores, given.softcap)
        elif stage == "bias" and given.bias is not None:
            scores = steps.bias(scores, given.bias)
        elif stage == "alibi" and given.alibi_slopes is not None:
            scores = steps.alibi(scores, given.alibi_slopes, i, j)
        elif stage == "hide":
            scores = steps.hide(scores, visible)
    return np.asarray(scores)
