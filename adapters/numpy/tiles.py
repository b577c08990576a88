"""What a tile of scores needs of the call, shared by the forward and the backward pass of `numpy/flash`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["KEYS", "QUERIES", "Options", "options_of", "scores_of", "visible_in"]

Array = NDArray[Any]

QUERIES = 32
"""Queries in a tile."""
KEYS = 16
"""Keys in a tile: the running maximum may change after each."""


@dataclass(frozen=True)
class Options:
    """What a tile needs of the call. scale: a number, or (B, H, 1, 1).

    offset: (B, 1, 1, 1), what a query's index lacks to the index of the key beside it.
    """

    scale: np.float32 | Array
    offset: Array
    causal: bool
    window: tuple[int | None, int | None]
    mask: Array | None
    bias: Array | None
    alibi_slopes: Array | None
    softcap: float | None
    q_segments: Array | None
    kv_segments: Array | None
    kv_lengths: Array | None
    kept: Array | None
    dropout_p: float


def options_of(q: Array, k: Array, given: Mapping[str, Any]) -> Options:
    """The options of a call by name, those that broadcast made (B, Hq, Sq, Sk). What is not given is None."""
    (b, hq, sq, d), sk = q.shape, k.shape[2]
    lengths = given.get("kv_lengths")
    ends = np.full(b, sk) if lengths is None else lengths.astype(np.int64)
    scale, dropout_p = given.get("scale"), given.get("dropout_p") or 0.0
    drawn = np.random.default_rng(given.get("seed") or 0).random((b, hq, sq, sk), dtype=np.float32) if dropout_p else None
    return Options(
        scale=np.float32(1 / np.sqrt(d) if scale is None else scale),
        offset=(ends - sq)[:, None, None, None],
        causal=bool(given.get("causal")),
        window=given.get("window") or (None, None),
        mask=_whole(given.get("mask"), (b, hq, sq, sk)),
        bias=_whole(given.get("bias"), (b, hq, sq, sk)),
        alibi_slopes=given.get("alibi_slopes"),
        softcap=given.get("softcap"),
        q_segments=given.get("q_segments"),
        kv_segments=given.get("kv_segments"),
        kv_lengths=lengths,
        kept=None if drawn is None else drawn >= dropout_p,
        dropout_p=dropout_p,
    )


def scores_of(query: Array, key: Array, rows: slice, columns: slice, options: Options) -> Array:
    """Scores of a tile in float32: scale, then softcap, then bias and ALiBi."""
    with np.errstate(over="ignore", invalid="ignore"):  # Hidden keys may hold anything.
        scores: Array = query @ key.swapaxes(-1, -2) * options.scale
        if options.softcap is not None:
            scores = np.float32(options.softcap) * np.tanh(scores / np.float32(options.softcap))
        if options.bias is not None:
            scores = scores + options.bias[:, :, rows, columns].astype(np.float32)
        if options.alibi_slopes is not None:
            behind = np.abs(_behind(rows, columns, options)).astype(np.float32)
            scores = scores - options.alibi_slopes[:, None, None] * behind
    return scores


def visible_in(rows: slice, columns: slice, options: Options) -> Array:
    """Which query of a tile sees which key of it, broadcastable to (B, H, rows, columns)."""
    behind = _behind(rows, columns, options)
    left, right = options.window
    visible = np.ones(behind.shape, bool)
    if options.causal:
        visible &= behind >= 0
    if left is not None:
        visible &= behind <= left
    if right is not None:
        visible &= behind >= -right
    if options.kv_lengths is not None:
        visible &= np.arange(columns.start, columns.stop) < options.kv_lengths[:, None, None, None]
    if options.q_segments is not None and options.kv_segments is not None:
        visible &= options.q_segments[:, None, rows, None] == options.kv_segments[:, None, None, columns]
    return visible if options.mask is None else visible & options.mask[:, :, rows, columns]


def _behind(rows: slice, columns: slice, options: Options) -> Array:
    """How far each key lies behind its query, i + offset − j: (B, 1, rows, columns)."""
    i = np.arange(rows.start, rows.stop)[:, None]
    return i + options.offset - np.arange(columns.start, columns.stop)[None, :]


def _whole(array: Array | None, shape: tuple[int, ...]) -> Array | None:
    return None if array is None else np.broadcast_to(array, shape)
