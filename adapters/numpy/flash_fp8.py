"""`numpy/flash-fp8`: the tiled online softmax for float8 inputs, with one descale for each key head of each batch entry.

Its rounding is that of a fused float8 kernel: products of float8 numbers, accumulation in float32, weights multiplied by 2^8
and rounded to e4m3 before they meet V, the row sum from the weights that were not rounded, the output in bfloat16. The
descales of q and k are factors of the scale, that of v multiplies the output.
Its causal diagonal ends at the bottom right, and with kv_lengths at each sequence's last key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ..contract import FLOAT8_DTYPES, implementation
from .forward_tiles import attended
from .inputs import check
from .tiles import KEYS, options_of

__all__ = ["attend"]

Array = NDArray[Any]

_SCALE = 2.0**8
"""What weights are multiplied by, so that few of them fall below 2^-9, the smallest number of e4m3."""

_ARITHMETIC = {
    "name": "fp8",
    "u_acc": 2.0**-24,
    "stored_weights": "float8_e4m3fn",
    "weights_rounded": "before",
    "row_sum_from": "unrounded",
    "tile": KEYS,
    "splits": 1,
}


@implementation(
    name="numpy/flash-fp8",
    dtypes=FLOAT8_DTYPES,
    conventions={"causal_alignment": "bottom-right", "empty_rows": "zeros", "hidden_nan": "contained"},
    claims=["deterministic"],
    arithmetic=dict.fromkeys(FLOAT8_DTYPES, _ARITHMETIC),
)
def attend(
    q: Array,
    k: Array,
    v: Array,
    *,
    scale: float | None = None,
    causal: bool = False,
    window: tuple[int | None, int | None] | None = None,
    mask: Array | None = None,
    bias: Array | None = None,
    alibi_slopes: Array | None = None,
    softcap: float | None = None,
    sinks: Array | None = None,
    q_segments: Array | None = None,
    kv_segments: Array | None = None,
    kv_lengths: Array | None = None,
    q_descale: Array | None = None,
    k_descale: Array | None = None,
    v_descale: Array | None = None,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one float8 dtype → out (B, Hq, Sq, Dv) in bfloat16.

    Descales are float32 (B, Hkv), 1 where not given; a bias is bfloat16. With return_lse also lse (B, Hq, Sq), float32.
    Raises ValueError for arrays or options that do not fit together.
    Source: Shah et al., FlashAttention-3 (2024), section 3.3.
    """
    given = locals()
    check(q, k, v, given, FLOAT8_DTYPES)
    group = q.shape[1] // k.shape[1]
    options = options_of(q, k, given)
    for descale in (q_descale, k_descale):
        options = options if descale is None else replace(options, scale=options.scale * _of_heads(descale, group))
    descaled = np.float32(1) if v_descale is None else _of_heads(v_descale, group)
    key, value = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    mixed, lse = attended(q, key, value, sinks, options, ml_dtypes.float8_e4m3fn, _SCALE)
    out = (mixed * descaled).astype(ml_dtypes.bfloat16)
    return (out, lse) if return_lse else out


def _of_heads(descale: Array, group: int) -> Array:
    """(B, Hkv) as (B, Hq, 1, 1)."""
    return np.repeat(descale.astype(np.float32), group, axis=1)[..., None, None]
