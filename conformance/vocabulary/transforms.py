"""Transforms of a whole problem: its arrays, its options, what it writes out in full, and what makes it ill-formed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ...reference.arithmetic import LARGEST
from ...reference.rounding import DTYPES, round_to
from ...spec.operations import operations
from ..bounded import bounded
from ..meaning import attended
from ..operations import operation_named
from ..problems.axes import shape_written
from ..problems.dtypes import bias_dtype
from ..problems.problem import Problem
from .word import Constant, Undecided, Value, word

BIG = 2.0**14
"""The largest power of two that float16 holds twice."""


@word("transforms")
def with_queries(p: Problem, x: Value) -> Problem:
    """The same problem with other queries: x, broadcast to (B, Hq, Sq, D)."""
    return _blind(p.having(q=_exactly(x, p.q.shape, p.dtype)), x, p.q)


@word("transforms")
def with_keys(p: Problem, x: Value) -> Problem:
    """The same problem with other keys: x, broadcast to (B, Hkv, Sk, D)."""
    return _blind(p.having(k=_exactly(x, p.k.shape, p.dtype)), x, p.k)


@word("transforms")
def with_values(p: Problem, x: Value) -> Problem:
    """The same problem with other values: x, broadcast to (B, Hkv, Sk, Dv)."""
    v = _exactly(x, p.v.shape, p.dtype)
    return p.with_fair(v) if _multiple(x, p.v) else p.having(v=v)


@word("transforms")
def but(p: Problem, **options: Value | Constant) -> Problem:
    """The same problem with options replaced, `absent` for none: but(p, softcap=absent), but(p, memory=transposed)."""
    plain = {name: _plain(value) for name, value in options.items()}
    stated = operations()[p.operation]["options"]
    for name in stated.keys() & plain.keys():
        kind, shape = stated[name]["type"], shape_written(p, name)
        if kind.startswith("float32 (") and shape is not None and plain[name] is not None:
            plain[name] = _exactly(plain[name], shape, "float32")
        if kind == "int" and isinstance(plain[name], float) and plain[name].is_integer():
            plain[name] = int(plain[name])  # Numbers of the law language are all floats.
    if "memory" in plain:
        p = replace(p, memory=plain.pop("memory"))
    if any(isinstance(value, np.ndarray) for value in plain.values()):
        p = replace(p, fair_values=None)  # an array that a law writes may look at V
    return p.but(**plain)


@word("transforms")
def explicit(p: Problem) -> Problem:
    """The same problem with everything that counts positions written out: one mask for what is visible, one bias for ALiBi.

    A sparse pattern is written out as a block mask of blocks of one query and one key.
    """
    written_out = operation_named(p.operation).written_out
    options = {} if written_out is None else written_out(p, attended(p).visible)
    added = {name: x for name, x in options.items() if isinstance(x, np.ndarray) and x.dtype == np.float64}
    return p.but(**options | {name: _exactly(x, x.shape, bias_dtype(p.dtype)) for name, x in added.items()})


@word("transforms")
def unequal_heads(p: Problem) -> Problem:
    """Ill-formed: one query head more than a multiple of the key heads (which are doubled first)."""
    k, v = np.concatenate([p.k, p.k], axis=1), np.concatenate([p.v, p.v], axis=1)
    q = np.concatenate([p.q, p.q, p.q[:, :1]], axis=1)
    return _ill_formed(p, q=q, k=k, v=v)


@word("transforms")
def unequal_features(p: Problem) -> Problem:
    """Ill-formed: keys with one feature more than the queries."""
    return _ill_formed(p, k=np.concatenate([p.k, p.k[..., :1]], axis=-1))


@word("transforms")
def unequal_lengths(p: Problem) -> Problem:
    """Ill-formed: more values than keys."""
    return _ill_formed(p, v=np.concatenate([p.v, p.v], axis=2))


@word("transforms")
def unequal_batches(p: Problem) -> Problem:
    """Ill-formed: queries for three batch entries more than there are keys."""
    return _ill_formed(p, q=np.concatenate([p.q] * 2 + [p.q[:1]], axis=0))


@word("transforms")
def mixed_dtypes(p: Problem) -> Problem:
    """Ill-formed: keys in another floating dtype than the queries (float16 beside float32, float32 beside half)."""
    other = np.float16 if p.dtype == "float32" else np.float32
    return _ill_formed(p, k=p.k.astype(other))


def _ill_formed(p: Problem, **arrays: Any) -> Problem:
    """Some arrays replaced, and no option, so that what is refused is refused for its arrays."""
    return Problem({**p.arrays, **arrays}, p.dtype, {}, p.conventions, operation=p.operation)


def largest_power(dtype: str) -> float:
    """The largest power of two that a dtype holds."""
    return float(2.0 ** (math.frexp(LARGEST[dtype])[1] - 1))


def _exactly(x: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """x as an array of the dtype, which may hold NaN; Undecided where the dtype cannot hold it exactly."""
    x = bounded(x)
    array = np.broadcast_to(x.value, shape)
    rounded = round_to(array, dtype)
    if not np.array_equal(rounded, array, equal_nan=True):
        raise Undecided(f"the values that the law writes are not exact in {dtype}")
    return np.ascontiguousarray(_typed(rounded, dtype))


def _blind(changed: Problem, x: Any, own: Any) -> Problem:
    """`changed`, in which x took the place of `own`. V keeps its random signs where x plainly does not look at V: a number, or
    what stood there before, times a number or plus one."""
    given = bounded(x).value
    shifted = given.shape == own.shape and given.size > 0 and np.ptp(given - own.astype(np.float64)) == 0
    return changed if given.ndim == 0 or shifted or _multiple(x, own) else replace(changed, fair_values=None)


def _multiple(x: Any, own: Any) -> bool:
    """Whether x is `own` times one number that is not 0, told without a rounding for dtypes of up to 26 bits."""
    given, own = bounded(x).value, own.astype(np.float64)
    if given.shape != own.shape or not own.any() or not np.isfinite(own).all():
        return False
    pivot = np.unravel_index(np.argmax(np.abs(own)), own.shape)
    return bool(given[pivot] != 0 and np.array_equal(given * own[pivot], own * given[pivot]))


def _typed(array: Any, dtype: str) -> Any:
    """An array of numbers that the dtype holds exactly, in it."""
    return array.astype(DTYPES[dtype])


def _plain(value: Any) -> Any:
    """A number, a bool, None or a name, from what an equation gives."""
    if isinstance(value, Constant):
        return value.value
    x = bounded(value).value
    return float(x) if x.ndim == 0 else x
