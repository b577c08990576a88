"""`numpy/flash`: the tiled online softmax, one pass over the keys, no score matrix.

Its rounding is that of a fused kernel: products in the dtype of the inputs, accumulation in float32, weights rounded to the
dtype of q before they are normalised and before they meet V, the row sum from the weights that were not rounded.
Its causal diagonal ends at the bottom right, and with kv_lengths at each sequence's last key.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import implementation
from .flash_backward import backward
from .forward_tiles import attended
from .inputs import check
from .tiles import KEYS, options_of

__all__ = ["attend"]

Array = NDArray[Any]

_TILED = {"weights_rounded": "before", "row_sum_from": "unrounded", "tile": KEYS, "splits": 1}


@implementation(
    name="numpy/flash",
    dtypes=("float32", "float16", "bfloat16"),
    conventions={"causal_alignment": "bottom-right", "empty_rows": "zeros", "hidden_nan": "contained"},
    claims=["deterministic"],
    arithmetic={
        "float32": {"name": "fp32", "n_pre": 0, **_TILED},
        "float16": {"name": "half", **_TILED},
        "bfloat16": {"name": "half", **_TILED},
    },
    backward=backward,
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
    dropout_p: float = 0.0,
    seed: int = 0,
    return_lse: bool = False,
) -> Any:
    """q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D), v: (B, Hkv, Sk, Dv), in one dtype → out (B, Hq, Sq, Dv) in that dtype.

    With return_lse also lse (B, Hq, Sq), float32. Raises ValueError for arrays or options that do not fit together.
    Sources: Milakov and Gimelshein, Online normalizer calculation for softmax (2018), algorithm 3;
    Dao et al., FlashAttention (2022), algorithm 1.
    """
    given = locals()
    check(q, k, v, given)
    group = q.shape[1] // k.shape[1]
    key, value = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    out, lse = attended(q, key, value, sinks, options_of(q, k, given), q.dtype)
    out = out.astype(q.dtype)
    return (out, lse) if return_lse else out
