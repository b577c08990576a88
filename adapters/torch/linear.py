"""`torch/linear-chunked` and `torch/linear-parallel`: chunks of 16 steps with a state between them, or all pairs at once.

One function is both: all pairs at once is a single chunk. Sums are float32 whatever the dtype of the inputs.
Log gates are summed over each stretch of steps by itself (Dao and Gu 2024, arXiv:2405.21060, listing 1), so that a gate of 0
is no ∞ − ∞. Corrected values of the delta rule are the solution of a triangular system (Yang et al. 2024, arXiv:2406.06484,
section 3.2).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from ..contract import implementation
from .linear_inputs import Sequence, run

__all__ = ["CHUNK", "attend", "parallel"]

CHUNK = 16
"""Steps in a chunk."""

ARITHMETIC = {
    "float32": {"name": "fp32", "n_pre": 0},
    "float16": {"name": "half", "stored_weights": None},
    "bfloat16": {"name": "half", "stored_weights": None},
}

State = tuple[torch.Tensor, torch.Tensor]


@implementation(
    "linear_attention", name="torch/linear-chunked", arrays="torch", claims=["deterministic"], arithmetic=ARITHMETIC
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
    initial_state: State | None = None,
    return_state: bool = False,
    cu_seqlens: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
) -> Any:
    """q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), in one dtype → out (B, H, Sq, Dv) in that dtype.

    With return_state also (state (B, H, Dφ, Dv), normalizer (B, H, Dφ)), float32. Raises ValueError for arguments that do not
    fit.
    """
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    return run(partial(_in_chunks, chunk=CHUNK), q, k, v, given)


@implementation(
    "linear_attention", name="torch/linear-parallel", arrays="torch", claims=["deterministic"], arithmetic=ARITHMETIC
)
def parallel(
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
    initial_state: State | None = None,
    return_state: bool = False,
    cu_seqlens: torch.Tensor | None = None,
    kv_lengths: torch.Tensor | None = None,
) -> Any:
    """As `attend`, with a matrix of all pairs of rows and steps."""
    given = {name: value for name, value in locals().items() if name not in ("q", "k", "v")}
    return run(partial(_in_chunks, chunk=max(1, k.shape[2])), q, k, v, given)


def _in_chunks(s: Sequence, chunk: int) -> tuple[torch.Tensor, torch.Tensor]:
    state, parts = s.state, [s.value[:, :, :0]]
    for start in range(0, s.key.shape[2], chunk):
        rows, state = _chunk(s, slice(start, start + chunk), state)
        parts.append(rows)
    return (torch.cat(parts, dim=2) if s.causal else s.query @ state), state


def _chunk(s: Sequence, at: slice, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What causal rows of a chunk read, and the state after it."""
    key, value, log_gate = s.key[:, :, at], s.value[:, :, at], s.log_gate[:, :, at]
    within, ahead = _between(log_gate), torch.exp(torch.cumsum(log_gate, dim=2))
    if s.beta is not None:
        beta = s.beta[:, :, at, None]
        overlaps = torch.tril(_products(key, key, within), diagonal=-1) * beta
        due = beta * (value - (key * ahead) @ state)
        value = torch.linalg.solve_triangular(overlaps, due, upper=False, unitriangular=True)
    rows = value[:, :, :0]
    if s.causal:
        query = s.query[:, :, at]
        rows = _products(query, key, within) @ value + (query * ahead) @ state
    kept = (key * within[:, :, -1]).transpose(-1, -2)
    return rows, ahead[:, :, -1, :, None] * state + kept @ value


def _between(log_gate: torch.Tensor) -> torch.Tensor:
    """The factors from each step to each later one, (B, H, t, s, F); 0 for earlier ones."""
    steps = torch.arange(log_gate.shape[2], device=log_gate.device)
    t, s = steps[:, None, None], steps[None, :, None]
    each = torch.where(t > s, log_gate[:, :, :, None, :], 0.0)
    return torch.where(t >= s, torch.exp(torch.cumsum(each, dim=2)), 0.0)


def _products(left: torch.Tensor, right: torch.Tensor, within: torch.Tensor) -> torch.Tensor:
    """Σ_f left_tf within_tsf right_sf, (B, H, t, s)."""
    if within.shape[-1] == 1:
        scores = left @ right.transpose(-1, -2)
        return torch.where(within[..., 0] > 0, scores, 0.0) * within[..., 0]
    return ((left[:, :, :, None, :] * within) * right[:, :, None, :, :]).sum(dim=-1)
