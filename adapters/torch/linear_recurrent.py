"""`torch/linear-recurrent`: one step after the other, as a model decodes. Sums are float32 whatever the dtype of the inputs.

Source: Katharopoulos et al. 2020, arXiv:2006.16236, section 3.4; the delta rule: Yang et al. 2024, arXiv:2406.06484, section
2.2.
"""

from __future__ import annotations

from typing import Any

import torch

from ..contract import implementation
from .linear_inputs import Sequence, run

__all__ = ["attend"]

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}


@implementation(
    "linear_attention", name="torch/linear-recurrent", arrays="torch", claims=["deterministic"], arithmetic=ARITHMETIC
)
def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    feature_map: str = "identity",
    causal: bool = False,
    normalize: bool = False,
    scale: float | None = None,
    decay: torch.Tensor | None = None,
    gate: torch.Tensor | None = None,
    beta: torch.Tensor | None = None,
    initial_state: tuple[torch.Tensor, torch.Tensor] | None = None,
    return_state: bool = False,
    cu_seqlens: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, Dφ, Dv), normalizer (B, H, Dφ)), float32. Raises ValueError for arguments that do not
    fit.
    """
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    return run(_recurrent, q, k, v, given)


def _recurrent(s: Sequence) -> tuple[torch.Tensor, torch.Tensor]:
    """Padding has features and log gates of 0, so its steps change no state."""
    state, gates = s.state, torch.exp(s.log_gate)
    rows = [s.value[:, :, :0]]
    for t in range(s.key.shape[2]):
        at = slice(t, t + 1)
        key, write = s.key[:, :, at], s.value[:, :, at]
        state = gates[:, :, t, :, None] * state
        if s.beta is not None:
            write = s.beta[:, :, at, None] * (write - key @ state)
        state = state + key.transpose(-1, -2) @ write
        if s.causal:
            rows.append(s.query[:, :, at] @ state)
    return (torch.cat(rows, dim=2) if s.causal else s.query @ state), state
