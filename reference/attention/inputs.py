"""Reading the arguments of attention: every array in float64, every option in one shape, for the chosen rows only.

After this the pipeline has no special cases for dtypes, broadcasting or sampled rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import real
from .checks import Sizes, check
from .dropout import keep_mask

__all__ = ["DESCALES", "Inputs", "descaled", "read"]

Array = NDArray[Any]


DESCALES = ("q_descale", "k_descale", "v_descale")
"""Options that q, k and v are multiplied by."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """The arguments of one call, R query rows of Sq.

    q: (B, Hq, R, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), float64. rows: int64 (R,). sq: Sq.
    mask: bool and bias: float64, (B, Hq, R, Sk). alibi_slopes, sinks: float64 (1, Hq, 1, 1).
    q_segments: int (B, 1, R, 1). kv_segments: int (B, 1, 1, Sk). kv_lengths: int64 (B,).
    q_descale, k_descale, v_descale: float64 (B, Hkv, 1, 1). dropout_keep: bool (B, Hq, R, Sk).
    Options that are not given are None, as the caller left them.
    """

    q: Array
    k: Array
    v: Array
    rows: Array
    sq: int
    scale: float | None
    causal: bool
    window: tuple[int | None, int | None] | None
    mask: Array | None
    bias: Array | None
    alibi_slopes: Array | None
    softcap: float | None
    sinks: Array | None
    q_segments: Array | None
    kv_segments: Array | None
    kv_lengths: Array | None
    q_descale: Array | None
    k_descale: Array | None
    v_descale: Array | None
    dropout_p: float
    dropout_keep: Array | None
    causal_alignment: str
    empty_rows: str


def read(q: Any, k: Any, v: Any, *, rows: Sequence[int] | None, seed: int, **options: Any) -> Inputs:
    """The Inputs of one call of `textbook.attention`. Raises ValueError as `checks.check` does."""
    sizes = check(q, k, v, rows=rows, **options)
    at = np.arange(sizes.sq) if rows is None else np.asarray(rows, dtype=np.int64).reshape(-1)
    picked = slice(None) if rows is None else at
    heads = (1, sizes.hq, 1, 1)
    options = dict(options)
    keep = options.pop("dropout_keep")
    if keep is None and options["dropout_p"] > 0:
        keep = keep_mask(seed, options["dropout_p"], (sizes.b, sizes.hq, sizes.sq, sizes.sk), at)
    else:
        keep = _of_rows(keep, sizes, picked)
    bias = _of_rows(options.pop("bias"), sizes, picked)
    given = {
        "mask": _of_rows(options.pop("mask"), sizes, picked),
        "bias": None if bias is None else real("bias", bias),
        "dropout_keep": keep,
        "q_segments": _shaped(options.pop("q_segments"), picked, (sizes.b, 1, -1, 1)),
        "kv_segments": _shaped(options.pop("kv_segments"), slice(None), (sizes.b, 1, 1, sizes.sk)),
        "alibi_slopes": _logits("alibi_slopes", options.pop("alibi_slopes"), heads),
        "sinks": _logits("sinks", options.pop("sinks"), heads),
    }
    for name in DESCALES:
        given[name] = _logits(name, options.pop(name), (sizes.b, sizes.hkv, 1, 1))
    lengths = options.pop("kv_lengths")
    given["kv_lengths"] = None if lengths is None else np.asarray(lengths).astype(np.int64)
    queries = real("q", np.asarray(q)[:, :, picked])
    return Inputs(q=queries, k=real("k", k), v=real("v", v), rows=at, sq=sizes.sq, **given, **options)


def descaled(given: Inputs) -> Inputs:
    """The same call with the descales multiplied into q, k and v, and then none given.

    A product of numbers of at most 24 bits (float32) and a float32 is exact in float64.
    """
    if given.q_descale is None and given.k_descale is None and given.v_descale is None:
        return given
    q, k, v = given.q, given.k, given.v
    if given.q_descale is not None:
        q = q * np.repeat(given.q_descale, q.shape[1] // k.shape[1], axis=1)
    k = k if given.k_descale is None else k * given.k_descale
    v = v if given.v_descale is None else v * given.v_descale
    return replace(given, q=q, k=k, v=v, q_descale=None, k_descale=None, v_descale=None)


def _of_rows(given: Any, sizes: Sizes, picked: Any) -> Array | None:
    """given, broadcastable to (B, Hq, Sq, Sk), as (B, Hq, R, Sk); no row but the picked ones is copied."""
    if given is None:
        return None
    whole = np.broadcast_to(np.asarray(given), (sizes.b, sizes.hq, sizes.sq, sizes.sk))
    return whole[:, :, picked]


def _shaped(given: Any, picked: Any, shape: tuple[int, ...]) -> Array | None:
    if given is None:
        return None
    chosen = np.asarray(given)[:, picked]
    return chosen.reshape(shape[0], *(chosen.shape[1] if n == -1 else n for n in shape[1:]))


def _logits(name: str, given: Any, shape: tuple[int, ...]) -> Array | None:
    return None if given is None else real(name, given).reshape(shape)
