"""Transforms of the keys: which are hidden and poisoned, in what order they stand, how many there are, where they are split."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bounded import bounded
from ..meaning import attended
from ..problems.axes import counting, taken
from ..problems.problem import Problem
from .transforms import _exactly, _typed, largest_power
from .word import Undecided, Value, word

KEY_POISON, VALUE_POISON = 512.0, 16384.0
"""Huge beside ordinary entries, finite in every dtype of 16 bits and more, and so are their products with queries. In a
float8 dtype the largest power of two that it holds, where that is less."""


def poisoned(p: Problem) -> Any:
    """Which keys are poisoned, bool (B, Hkv, Sk): those that the watched row sees in no head of their group."""
    if p.sq == 0 or p.sk == 0:
        raise Undecided("there is no query or no key")
    row = int(p.generator("watched row").integers(p.sq))
    seen = attended(p).visible[:, :, row, :].reshape(p.b, p.hkv, p.hq // p.hkv, p.sk)
    keys = ~seen.any(axis=2)
    if not keys.any():
        raise Undecided("no key is hidden from the watched row")
    return keys


def _poison(p: Problem, key: Any, value: Any) -> Problem:
    where = poisoned(p)[..., None]
    k, v = p.k.astype(np.float64), p.v.astype(np.float64)
    return p.having(k=_typed(np.where(where, key, k), p.dtype), v=_typed(np.where(where, value, v), p.dtype))


@word("transforms")
def poison_hidden(p: Problem) -> Problem:
    """Huge finite numbers, of random sign, in K and V of every key that one watched row does not see."""
    rng, (key, value) = p.generator("poison"), poisons(p.dtype)
    return _poison(p, rng.choice([-key, key], p.k.shape), rng.choice([-value, value], p.v.shape))


def poisons(dtype: str) -> tuple[float, float]:
    """The poisons of keys and of values in a dtype."""
    largest = largest_power(dtype)
    return min(KEY_POISON, largest), min(VALUE_POISON, largest)


@word("transforms")
def nan_hidden(p: Problem) -> Problem:
    """NaN in K and V of every key that one watched row does not see."""
    return _poison(p, np.nan, np.nan)


@word("meanings")
def unpoisoned(p: Problem) -> Value:
    """1 for the rows that see no poisoned key, (B, Hq, Sq, 1)."""
    keys = np.repeat(poisoned(p), p.hq // p.hkv, axis=1)
    visible = attended(p).visible
    seen = (visible & keys[:, :, None, :]).any(axis=-1, keepdims=True)
    if p.convention("empty_rows") == "mean":  # The mean of an empty row is over all keys, the poisoned ones too.
        seen = seen | ~visible.any(axis=-1, keepdims=True)
    return bounded(~seen)


@word("transforms")
def shuffle_keys(p: Problem) -> Problem:
    """The same keys in another order, each with its value, mask, bias and segment."""
    _no_positions(p, "shuffle_keys", carried="sk")
    return _take_keys(p, p.generator("order of keys").permutation(p.sk))


@word("transforms")
def repeat_keys(p: Problem) -> Problem:
    """Every key twice, the copies after the originals."""
    _no_positions(p, "repeat_keys", carried="sk")
    return _take_keys(p, np.concatenate([np.arange(p.sk), np.arange(p.sk)]))


@word("transforms")
def first_keys(p: Problem) -> Problem:
    """The keys before a cut."""
    _no_positions(p, "first_keys")
    return _take_keys(p, np.arange(_cut(p)))


@word("transforms")
def other_keys(p: Problem) -> Problem:
    """The keys from the cut of first_keys on."""
    _no_positions(p, "other_keys")
    return _take_keys(p, np.arange(_cut(p), p.sk))


@word("transforms")
def two_keys(p: Problem, gap: Value) -> Problem:
    """Two keys and no options: for every query, q·k is `gap` at the first key and 0 at the second."""
    q, k = np.zeros(p.q.shape), np.zeros((p.b, p.hkv, 2, p.d))
    q[..., 0], k[:, :, 0, 0] = bounded(gap).value, 1.0
    v = np.zeros((p.b, p.hkv, 2, p.dv))
    return p.having(q=_exactly(q, q.shape, p.dtype), k=_typed(k, p.dtype), v=_typed(v, p.dtype), options={})


def _cut(p: Problem) -> int:
    if p.sk < 2:
        raise Undecided("there are fewer than two keys to split")
    return int(p.generator("cut between keys").integers(1, p.sk))


def _take_keys(p: Problem, order: Any) -> Problem:
    """The keys of the given order, with what belongs to each of them."""
    k, v = np.ascontiguousarray(p.k[:, :, order]), np.ascontiguousarray(p.v[:, :, order])
    each_once = len(np.unique(order)) == len(order)
    made = p.with_fair(v, k=k) if each_once else p.having(k=k, v=v)
    return made.but(**taken(p, "sk", order))


def _no_positions(p: Problem, name: str, carried: str = "") -> None:
    """carried: a size along which options go with what is taken, so that positions are no matter to them."""
    counted = counting(p, carried)
    if counted:
        raise ValueError(f"{name}: the problem counts positions by {', '.join(counted)}; write {name}(explicit(p))")
