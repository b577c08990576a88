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
from .checks import DESCALES, Sizes, check
from .dropout import keep_mask
from .options import Options

__all__ = ["DESCALES", "Inputs", "descaled", "read"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Inputs(Options):
    """The arguments of one call, R query rows of Sq, with all arrays in one form.

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


def read(q: Any, k: Any, v: Any, *, rows: Sequence[int] | None = None, **options: Any) -> Inputs:
    """The Inputs of one call with Options. Raises ValueError as `checks.check` does."""
    o = Options(**options)
    sizes = check(q, k, v, o, rows)
    at = np.arange(sizes.sq) if rows is None else np.asarray(rows, dtype=np.int64).reshape(-1)
    picked = slice(None) if rows is None else at
    heads, keep = (1, sizes.hq, 1, 1), o.dropout_keep
    if keep is None and o.dropout_p > 0:
        keep = keep_mask(o.seed, o.dropout_p, (sizes.b, sizes.hq, sizes.sq, sizes.sk), at)
    else:
        keep = _of_rows(keep, sizes, picked)
    bias = _of_rows(o.bias, sizes, picked)
    formed = {
        "mask": _of_rows(o.mask, sizes, picked),
        "bias": None if bias is None else real("bias", bias),
        "dropout_keep": keep,
        "q_segments": _shaped(o.q_segments, picked, (sizes.b, 1, -1, 1)),
        "kv_segments": _shaped(o.kv_segments, slice(None), (sizes.b, 1, 1, sizes.sk)),
        "alibi_slopes": _logits("alibi_slopes", o.alibi_slopes, heads),
        "sinks": _logits("sinks", o.sinks, heads),
        "kv_lengths": None if o.kv_lengths is None else np.asarray(o.kv_lengths).astype(np.int64),
    }
    formed |= {name: _logits(name, getattr(o, name), (sizes.b, sizes.hkv, 1, 1)) for name in DESCALES}
    queries = real("q", np.asarray(q)[:, :, picked])
    arrays = {"q": queries, "k": real("k", k), "v": real("v", v), "rows": at}
    return Inputs(**{**vars(o), **formed, **arrays}, sq=sizes.sq)


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
