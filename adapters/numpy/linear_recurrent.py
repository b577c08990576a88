"""`numpy/linear-recurrent`: one step after the other, as a model decodes. Sums are float32 whatever the dtype of the inputs.

Source: Katharopoulos et al. 2020, arXiv:2006.16236, section 3.4; the delta rule: Yang et al. 2024, arXiv:2406.06484, section
2.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import implementation
from .linear_inputs import Sequence, run

__all__ = ["ARITHMETIC", "attend"]

Array = NDArray[Any]

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "linear_attention",
    name="numpy/linear-recurrent",
    dtypes=["float32", "float16", "bfloat16"],
    claims=["deterministic"],
    arithmetic=ARITHMETIC,
)
def attend(
    q: Array,
    k: Array,
    v: Array,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: Array | None = None,
    gate: Array | None = None,
    beta: Array | None = None,
    initial_state: tuple[Array, Array] | None = None,
    return_state: bool = False,
    cu_seqlens: Array | None = None,
    kv_lengths: Array | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, Dφ, Dv), normalizer (B, H, Dφ)), float32. Raises ValueError for arguments that do not
    fit.
    """
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    return run(_recurrent, q, k, v, given)


def _recurrent(s: Sequence) -> tuple[Array, Array]:
    state, gates = s.state, np.exp(s.log_gate)
    rows = np.zeros((*s.query.shape[:3], s.value.shape[3]), np.float32)
    for t in range(s.key.shape[2]):
        key, decayed = s.key[:, :, t], gates[:, :, t, :, None] * state
        write = s.value[:, :, t]
        if s.beta is not None:
            write = s.beta[:, :, t, None] * (write - _read(key, decayed))
        state = np.where(s.active[:, t, None, None, None], decayed + key[..., None] * write[..., None, :], state)
        if s.causal:
            rows[:, :, t] = _read(s.query[:, :, t], state)
    return (rows if s.causal else s.query @ state), state


def _read(x: Array, state: Array) -> Array:
    """(B, H, Dφ) and (B, H, Dφ, E) → (B, H, E)."""
    return np.asarray((x[..., None, :] @ state)[..., 0, :])
