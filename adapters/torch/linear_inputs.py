"""Arguments of linear attention in PyTorch: checked, in float32, features made, sequences cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..linear_inputs import TAYLOR, check_linear, stretches

__all__ = ["Sequence", "run"]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One sequence, float32, values and states with one more column, of ones and of the normaliser.

    query: (B, H, Sq, Dφ), key: (B, H, Sk, Dφ), value: (B, H, Sk, E), log_gate: (B, H, Sk, 1 or Dφ), beta: (B, H, Sk) or None,
    state: (B, H, Dφ, E). What is padding has features, values, log gates and beta of 0.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    log_gate: torch.Tensor
    beta: torch.Tensor | None
    state: torch.Tensor
    causal: bool


Form = Callable[[Sequence], tuple[torch.Tensor, torch.Tensor]]
"""Takes a sequence, gives what its rows read, (B, H, Sq, E), and the state after its last step."""


def run(form: Form, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, given: dict[str, Any]) -> Any:
    """Linear attention in one form: all sequences of a call, and what the caller asked for. given: the options by name."""
    arrays = {name: given[name] for name in ("decay", "gate", "beta") if given[name] is not None}
    if given["initial_state"] is not None:
        arrays |= dict(zip(("state", "normalizer"), given["initial_state"], strict=True))
    packed = None if given["cu_seqlens"] is None else given["cu_seqlens"].tolist()
    check_linear(
        {"q": q.shape, "k": k.shape, "v": v.shape, **{name: tuple(x.shape) for name, x in arrays.items()}},
        (q.dtype, k.dtype, v.dtype),
        feature_map=given["feature_map"],
        causal=given["causal"],
        normalize=given["normalize"],
        packed=packed,
        lengths=None if given["kv_lengths"] is None else given["kv_lengths"].tolist(),
    )
    whole = _whole(q, k, v, given, len(packed) - 1 if packed else q.shape[0])
    parts = [
        form(whole if packed is None else _cut(whole, slice(start, end), slice(n, n + 1)))
        for n, (start, end) in enumerate(stretches(packed, k.shape[2]))
    ]
    sums, last = torch.cat([rows for rows, _ in parts], dim=2), torch.cat([state for _, state in parts], dim=0)
    scale = 1.0 if given["scale"] is None else given["scale"]
    out = sums[..., :-1] * scale
    if given["normalize"]:
        out = out / (sums[..., -1:] * scale)
    out = out.to(q.dtype)
    return (out, (last[..., :-1].contiguous(), last[..., -1].contiguous())) if given["return_state"] else out


def _whole(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, given: dict[str, Any], entries: int) -> Sequence:
    b, h, sk = k.shape[:3]
    query, key = (_features(given["feature_map"], x.to(torch.float32).contiguous()) for x in (q, k))
    value = torch.cat([v.to(torch.float32), v.new_ones((b, h, sk, 1), dtype=torch.float32)], dim=-1)
    log_gate = torch.zeros((b, h, sk, 1), dtype=torch.float32, device=k.device)
    if given["gate"] is not None:
        gate = given["gate"].to(torch.float32)
        log_gate = log_gate + (gate[..., None] if gate.ndim == 3 else gate)
    if given["decay"] is not None:
        log_gate = log_gate + torch.log(given["decay"].to(torch.float32))[:, None, None]
    beta = None if given["beta"] is None else given["beta"].to(torch.float32)
    if given["kv_lengths"] is not None:
        active = torch.arange(sk, device=k.device) < given["kv_lengths"][:, None]
        kept = active[:, None, :, None]
        key, value, log_gate = (torch.where(kept, x, torch.zeros_like(x)) for x in (key, value, log_gate))
        beta = None if beta is None else torch.where(active[:, None], beta, torch.zeros_like(beta))
    if given["initial_state"] is None:
        state = torch.zeros((entries, h, key.shape[3], value.shape[3]), dtype=torch.float32, device=k.device)
    else:
        first, normalizer = given["initial_state"]
        state = torch.cat([first, normalizer[..., None]], dim=-1).to(torch.float32)
    return Sequence(query, key, value, log_gate, beta, state, bool(given["causal"]))


def _cut(s: Sequence, at: slice, entry: slice) -> Sequence:
    beta = None if s.beta is None else s.beta[:, :, at]
    query, key, value, log_gate = (x[:, :, at] for x in (s.query, s.key, s.value, s.log_gate))
    return Sequence(query, key, value, log_gate, beta, s.state[entry], s.causal)


def _features(name: str, x: torch.Tensor) -> torch.Tensor:
    if name == "elu1":
        return torch.nn.functional.elu(x) + 1
    if name == "relu":
        return torch.relu(x)
    if name == "exp":
        return torch.exp(x)
    if name not in TAYLOR:
        return x
    powers = [torch.ones_like(x[..., :1])]
    for m in range(1, TAYLOR[name] + 1):
        powers.append((powers[-1][..., :, None] * x[..., None, :]).reshape(*x.shape[:-1], x.shape[-1] ** m))
    return torch.cat([power / math.sqrt(math.factorial(m)) for m, power in enumerate(powers)], dim=-1)
