"""What the exact answer says about each row, in the quantities that bounds are made of.

Each is computed once and serves every arithmetic. Keys that a row does not see may hold anything, so nothing of them may
reach a number here: not NaN, not infinity, not a huge value by way of a cancellation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inputs import Inputs, descaled
from ..masks import attended_lengths, offset
from ..textbook import Attended
from .columns import Columns, columns_of

__all__ = ["Facts", "Sink", "facts_of"]

Array = NDArray[Any]


@dataclass(eq=False, slots=True)
class Sink:
    """A sink as one more key whose value is 0, (B, Hq, R, 1) or broadcastable.

    weight: its share p. size: |logit|, 0 for a sink of −inf. distance: what it or any key may lie below the maximum, whether
    or not the kernel lets the sink take part in the maximum.
    """

    weight: Array
    size: Array
    distance: Array


@dataclass(eq=False, slots=True)
class Facts:
    """(B, Hq, R, Sk): seen, None where every row sees every key; scores, hidden ones replaced by the row's largest; weights p;
    distance m − s ≥ 0; products |q|·|k|, 0 where hidden; bias and alibi, absolute values, None where not given.

    (B, Hq, R, 1): count n of keys seen; top, the maximum m with the sink; best, without it; lse, 0 in empty rows; total
    L = exp(lse − m); empty: bool. (B, Hq, R, Dv): out; size Σ p|v|; spread sqrt(Σ p (v − o)²); spoiled: bool, outputs that
    no bound can hold because a value that they see is not finite or their sum may overflow, None for none.
    share: what stands between p and V: keep/(1−p) under dropout, (B, Hq, R, Sk), None without. query_sums: Σ_d |q_d|,
    (B, Hq, R, 1). columns: what depends on k and v alone.
    descales: how many of q and k have a descale, values_descaled: whether v has one. All numbers here are descaled ones.
    """

    seen: Array | None
    scores: Array
    weights: Array
    distance: Array
    products: Array
    bias: Array | None
    alibi: Array | None
    count: Array
    top: Array
    best: Array
    lse: Array
    total: Array
    empty: Array
    out: Array
    size: Array
    spread: Array
    spoiled: Array | None
    share: Array | None
    query_sums: Array
    columns: Columns
    sink: Sink | None
    scale: float
    softcap: float | None
    features: int
    descales: int
    values_descaled: bool

    @property
    def values(self) -> Array:
        """|v|, 0 where not finite, (B, Hq, Sk, Dv)."""
        return self.columns.values

    @property
    def signed(self) -> Array:
        """v, 0 where not finite, (B, Hq, Sk, Dv)."""
        return self.columns.signed

    @property
    def key_sums(self) -> Array:
        """Σ_d |k_d|, (B, Hq, 1, Sk)."""
        return self.columns.key_sums


def facts_of(given: Inputs, attended: Attended, columns: Columns | None = None) -> Facts:
    """The Facts of one call. Where an empty row is the mean of V, it is a row of Sk equal scores that sees every key.

    columns: those of the call, where they are at hand.
    """
    descales, values_descaled = (given.q_descale is not None) + (given.k_descale is not None), given.v_descale is not None
    given, sk = descaled(given), given.k.shape[2]
    columns = columns_of(given) if columns is None else columns
    empty = np.isneginf(attended.lse)[..., None]
    seen, p, lse = attended.visible, attended.weights, attended.lse[..., None]
    share = None if given.dropout_keep is None else given.dropout_keep / (1 - given.dropout_p)
    is_mean = given.empty_rows == "mean" and sk > 0 and bool(empty.any())
    if is_mean:
        p = np.where(empty, 1 / sk, p)
        share = None if share is None else np.where(empty, 1.0, share)
    everything = bool(seen.all())
    best = np.max(attended.scores, axis=-1, keepdims=True, initial=-np.inf)
    sinks = None if given.sinks is None else np.where(np.isneginf(given.sinks), np.nan, given.sinks)
    top = best if sinks is None else np.fmax(best, sinks)
    if not everything or sk == 0:
        top = np.where(np.isneginf(top), 0.0, top)
        best = np.where(np.isneginf(best), top, best)
        lse = np.where(empty, 0.0, lse)
    scores = attended.scores if everything else np.where(seen, attended.scores, best)
    absolute_q = np.abs(given.q)
    products = absolute_q @ columns.keys.swapaxes(-1, -2)
    if not everything:
        np.copyto(products, 0.0, where=~seen)
    counted = seen | empty if is_mean else seen
    size, spread = _moments(p, share, given.dropout_p, columns, attended.out)
    return Facts(
        seen=None if everything else seen,
        scores=scores,
        weights=p,
        distance=top - scores,
        products=products,
        bias=None if given.bias is None else np.where(seen, np.abs(given.bias), 0.0),
        alibi=None if given.alibi_slopes is None else np.where(seen, _alibi(given, sk), 0.0),
        count=np.full((1, 1, 1, 1), float(sk)) if everything else counted.sum(-1, keepdims=True, dtype=np.float64),
        top=top,
        best=best,
        lse=lse,
        total=np.exp(lse - top),
        empty=empty,
        out=attended.out,
        size=size,
        spread=spread,
        spoiled=columns.spoiled(counted),
        share=share,
        query_sums=absolute_q.sum(-1, keepdims=True),
        columns=columns,
        sink=None if sinks is None else _sink(sinks, top, best, lse),
        scale=abs(1 / math.sqrt(given.q.shape[-1]) if given.scale is None else given.scale),
        softcap=given.softcap,
        features=given.q.shape[-1],
        descales=descales,
        values_descaled=values_descaled,
    )


def _moments(p: Array, share: Array | None, dropped: float, columns: Columns, out: Array) -> tuple[Array, Array]:
    """Σ p|v′| and sqrt(Σ p (v′ − o)²) with v′ = share·v, a sink counting as v′ = 0.

    The second is Σ p v′² − o², whose cancellation loses up to a few ulps of the first term; they are added back.
    """
    first, second = np.split((p if share is None else p * share) @ columns.moments, 2, axis=-1)
    second = second / (1 - dropped)
    return first, np.sqrt(np.maximum(second - out * out, 0.0) + _cancelled(p.shape[-1]) * second)


def _cancelled(keys: int) -> float:
    """The share of Σ p v′² that the difference Σ p v′² − o² may be off by."""
    return (4 + keys) * 2.0**-52


def _alibi(given: Inputs, sk: int) -> Array:
    """slope·|i − j|, absolute, (B, Hq, R, Sk)."""
    lengths = attended_lengths(given.kv_lengths, given.k.shape[0], sk)
    i = given.rows[:, None] + offset(given.causal_alignment, given.sq, lengths)[:, None, None, None]
    return np.asarray(np.abs(np.asarray(given.alibi_slopes)) * np.abs(i - np.arange(sk)))


def _sink(sinks: Array, top: Array, best: Array, lse: Array) -> Sink:
    there = ~np.isnan(sinks)
    logit = np.where(there, sinks, 0.0)
    weight = np.where(there, np.exp(logit - lse), 0.0)
    return Sink(weight, np.abs(logit), np.where(there, np.maximum(top - logit, top - best), 0.0))
