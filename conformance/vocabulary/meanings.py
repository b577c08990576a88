"""Words that the reference answers: the exact result, what is visible, and the plain facts of a problem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..bounded import Bounded, bounded, from_ends
from ..meaning import attended, derived, own_errors
from ..operations.over_heads.scale import descaled_values, scale_of
from ..problems.problem import Problem
from .word import Undecided, Value, word


def _within(value: object, bound: object) -> Bounded:
    v, e = np.asarray(value, dtype=np.float64), np.asarray(bound, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return from_ends(v, v - e, v + e)


@word("meanings")
def reference_out(p: Problem) -> Value:
    """The exact output."""
    if p.draws_features:
        raise Undecided("the implementation draws its features, so nobody else knows the exact output")
    return _within(attended(p).out, own_errors(p)[0])


@word("meanings")
def reference_lse(p: Problem) -> Value:
    """The exact logsumexp (B, Hq, Sq)."""
    return _within(attended(p).lse, own_errors(p)[1])


@word("meanings")
def reference_weights(p: Problem) -> Value:
    """The exact weights (B, Hq, Sq, Sk), 0 where a key is hidden."""
    ones = p.having(v=np.ones_like(p.v))
    return _within(attended(p).weights, own_errors(ones)[0])


@word("meanings")
def expected_visible(p: Problem) -> Value:
    """1 where a query sees a key, 0 where it does not, (B, Hq, Sq, Sk)."""
    return bounded(attended(p).visible)


@word("meanings")
def hidden(p: Problem) -> Value:
    """1 where a query does not see a key, 0 where it does, (B, Hq, Sq, Sk)."""
    return bounded(~attended(p).visible)


@word("meanings")
def sees_a_key(p: Problem) -> Value:
    """1 for rows that see at least one key, (B, Hq, Sq, 1)."""
    return bounded(np.asarray(attended(p).visible.any(-1, keepdims=True)))


@word("meanings")
def sees_no_key(p: Problem) -> Value:
    """1 for rows that see no key, (B, Hq, Sq, 1)."""
    masked = derived(p, "masked", lambda: replace(p, conventions={**p.conventions, "empty_rows": "zeros"}))
    return bounded(np.asarray(~attended(masked).visible.any(-1, keepdims=True)))


@word("meanings")
def visible_count(p: Problem) -> Value:
    """How many keys each row sees, (B, Hq, Sq)."""
    return bounded(attended(p).visible.sum(-1))


@word("meanings")
def visible_mean(p: Problem) -> Value:
    """The mean of the values that each row sees, (B, Hq, Sq, Dv); 0 for rows that see none."""
    seen, v = attended(p).visible.astype(np.float64), _values_of_heads(p)
    count = seen.sum(-1, keepdims=True)
    mean = np.divide(seen @ v, count, out=np.zeros((*seen.shape[:-1], p.dv)), where=count > 0)
    size = np.divide(seen @ np.abs(v), count, out=np.zeros_like(mean), where=count > 0)
    return _within(mean, (p.sk + 2) * 2.0**-53 * size)


@word("meanings")
def visible_max(p: Problem) -> Value:
    """The largest value that each row sees, a feature at a time, (B, Hq, Sq, Dv); −inf for rows that see none."""
    return bounded(_extreme(p, -np.inf, np.maximum))


@word("meanings")
def visible_min(p: Problem) -> Value:
    """The smallest value that each row sees, a feature at a time, (B, Hq, Sq, Dv); inf for rows that see none."""
    return bounded(_extreme(p, np.inf, np.minimum))


@word("meanings")
def queries(p: Problem) -> Value:
    """Q, (B, Hq, Sq, D)."""
    return bounded(p.q.astype(np.float64))


@word("meanings")
def keys(p: Problem) -> Value:
    """K, (B, Hkv, Sk, D)."""
    return bounded(p.k.astype(np.float64))


@word("meanings")
def values(p: Problem) -> Value:
    """V, (B, Hkv, Sk, Dv)."""
    return bounded(p.v.astype(np.float64))


@word("meanings")
def scale(p: Problem) -> Value:
    """The factor on q·k, descales aside: the option, or 1/sqrt(D)."""
    return bounded(scale_of(p))


@word("meanings")
def features(p: Problem) -> Value:
    """D, the number of features of a query."""
    return bounded(float(p.d))


def _values_of_heads(p: Problem) -> np.ndarray:
    """V, descaled, repeated to the query heads, float64 (B, Hq, Sk, Dv)."""
    return np.repeat(descaled_values(p), p.hq // p.hkv, axis=1)


def _extreme(p: Problem, start: float, pick: np.ufunc) -> np.ndarray:
    seen, v = attended(p).visible, _values_of_heads(p)
    found = np.full((p.b, p.hq, p.sq, p.dv), start)
    for key in range(p.sk):
        offer = np.where(seen[..., key, None], v[:, :, None, key, :], start)
        found = pick(found, offer)
    return found
