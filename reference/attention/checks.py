"""Errors for arguments that attention has no meaning for, naming the argument and what it should be.

Shapes are checked here and nowhere else, so both definitions of attention refuse the same calls. Nothing here says what
an option means.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays import real
from .options import Options

__all__ = ["ALIGNMENTS", "DESCALES", "EMPTY_ROWS", "Sizes", "check", "check_window"]

ALIGNMENTS = ("top-left", "bottom-right")
EMPTY_ROWS = ("zeros", "mean", "nan", "unmasked")
DESCALES = ("q_descale", "k_descale", "v_descale")
"""Options that q, k and v are multiplied by."""


class Sizes(NamedTuple):
    """Sizes of one call."""

    b: int
    hq: int
    hkv: int
    sq: int
    sk: int
    d: int
    dv: int


def check(q: Any, k: Any, v: Any, options: Options, rows: Any) -> Sizes:
    """The sizes of the call. Raises ValueError for the first argument that does not fit, naming it."""
    sizes, o = _sizes(np.shape(q), np.shape(k), np.shape(v)), options
    if o.scale is None and sizes.d == 0:
        raise ValueError("scale must be given where D is 0; the default 1/sqrt(D) does not exist")
    if o.softcap is not None and not o.softcap > 0:
        raise ValueError(f"softcap is {o.softcap}; it must be positive, or None for no cap")
    if not 0 <= o.dropout_p < 1:
        raise ValueError(f"dropout_p is {o.dropout_p}; it must lie in [0, 1)")
    _one_of("causal_alignment", o.causal_alignment, ALIGNMENTS)
    _one_of("empty_rows", o.empty_rows, EMPTY_ROWS)
    check_window(o.window)
    whole = (sizes.b, sizes.hq, sizes.sq, sizes.sk)
    _broadcasts("mask", o.mask, whole, boolean=True)
    _broadcasts("bias", o.bias, whole, boolean=False)
    _broadcasts("dropout_keep", o.dropout_keep, whole, boolean=True)
    _has_shape("alibi_slopes", o.alibi_slopes, (sizes.hq,))
    _has_shape("sinks", o.sinks, (sizes.hq,))
    _check_keys(sizes, o.q_segments, o.kv_segments, o.kv_lengths)
    for name in DESCALES:
        _check_descale(name, getattr(o, name), (sizes.b, sizes.hkv))
    if rows is not None:
        at = np.asarray(rows)
        if at.ndim != 1 or (at.size and (at.dtype.kind not in "iu" or at.min() < 0 or at.max() >= sizes.sq)):
            raise ValueError(f"rows must be a sequence of query indices in 0..{sizes.sq - 1}, not {rows}")
    return sizes


def _sizes(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]) -> Sizes:
    for name, shape in (("q", q), ("k", k), ("v", v)):
        if len(shape) != 4:
            raise ValueError(f"{name} has shape {shape}; it must have four axes (B, H, S, D)")
    for name, shape in (("k", k), ("v", v)):
        if shape[0] != q[0]:
            raise ValueError(f"{name} has batch size {shape[0]} and q has {q[0]}; they must be equal")
    if k[3] != q[3]:
        raise ValueError(f"k has {k[3]} features and q has {q[3]}; they must be equal")
    if v[1:3] != k[1:3]:
        raise ValueError(f"v has (heads, keys) {v[1:3]} and k has {k[1:3]}; they must be equal")
    if k[1] == 0 or q[1] == 0 or q[1] % k[1]:
        raise ValueError(f"q has {q[1]} heads, which is not a positive multiple of the {k[1]} heads of k")
    return Sizes(q[0], q[1], k[1], q[2], k[2], q[3], v[3])


def check_window(window: Any) -> None:
    if window is None:
        return
    if len(window) != 2:
        raise ValueError(f"window is {window}; it must be (left, right), each a count or None")
    for side, count in zip(("left", "right"), window, strict=True):
        if count is not None and (not isinstance(count, int | np.integer) or count < 0):
            raise ValueError(f"window {side} is {count}; it must be a count of keys, 0 or more, or None for no limit")


def _check_keys(sizes: Sizes, q_segments: Any, kv_segments: Any, kv_lengths: Any) -> None:
    if (q_segments is None) != (kv_segments is None):
        missing = "q_segments" if q_segments is None else "kv_segments"
        raise ValueError(f"{missing} is not given; q_segments and kv_segments come together")
    _has_shape("q_segments", q_segments, (sizes.b, sizes.sq), integer=True)
    _has_shape("kv_segments", kv_segments, (sizes.b, sizes.sk), integer=True)
    _has_shape("kv_lengths", kv_lengths, (sizes.b,), integer=True)
    if kv_lengths is not None:
        lengths = np.asarray(kv_lengths)
        if ((lengths < 0) | (lengths > sizes.sk)).any():
            raise ValueError(f"kv_lengths is {lengths.tolist()}; each must lie in 0..Sk, here 0..{sizes.sk}")


def _check_descale(name: str, given: Any, shape: tuple[int, ...]) -> None:
    _has_shape(name, given, shape)
    if given is not None:
        factors = real(name, given)
        if not (np.isfinite(factors) & (factors > 0)).all():
            raise ValueError(f"{name} is {factors.tolist()}; each factor must be positive and finite")


def _has_shape(name: str, given: Any, shape: tuple[int, ...], integer: bool = False) -> None:
    if given is None:
        return
    array = np.asarray(given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; it must be {shape}")
    if integer and array.dtype.kind not in "iu":
        raise ValueError(f"{name} has dtype {array.dtype}; it must be an integer dtype")


def _broadcasts(name: str, given: Any, whole: tuple[int, ...], boolean: bool) -> None:
    if given is None:
        return
    array = np.asarray(given)
    if boolean and array.dtype != np.bool_:
        raise ValueError(f"{name} has dtype {array.dtype}; it must be bool (an additive mask is a bias)")
    if not boolean:
        real(name, array.ravel()[:0])
    try:
        fits = np.broadcast_shapes(array.shape, whole) == whole
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} has shape {array.shape}, which does not broadcast to (B, Hq, Sq, Sk) = {whole}")


def _one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{name} is {given!r}; it must be one of {', '.join(known)}")
