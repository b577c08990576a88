"""Arguments of linear attention in NumPy: checked, in float32, one sequence after the other, features made.

Both NumPy forms read their arguments here and add the order in which they compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..linear_inputs import TAYLOR, check_linear, stretches

__all__ = ["Sequence", "run"]

Array = NDArray[Any]
F32 = np.float32


@dataclass(frozen=True, eq=False)
class Sequence:
    """One sequence, float32, values and states with one more column, of ones and of the normaliser.

    query: (B, H, Sq, Dφ), key: (B, H, Sk, Dφ), value: (B, H, Sk, E), log_gate: (B, H, Sk, 1 or Dφ), beta: (B, H, Sk) or None,
    active: bool (B, Sk), state: (B, H, Dφ, E).
    """

    query: Array
    key: Array
    value: Array
    log_gate: Array
    beta: Array | None
    active: Array
    state: Array
    causal: bool


Form = Callable[[Sequence], tuple[Array, Array]]
"""Takes a sequence, gives what its rows read, (B, H, Sq, E), and the state after its last step."""


def run(form: Form, q: Array, k: Array, v: Array, given: dict[str, Any]) -> Any:
    """Linear attention in one form: all sequences of a call, and what the caller asked for. given: the options by name."""
    state, return_state, packed = given["initial_state"], given["return_state"], given["cu_seqlens"]
    arrays = {name: given[name] for name in ("decay", "gate", "beta") if given[name] is not None}
    if state is not None:
        arrays |= {"state": state[0], "normalizer": state[1]}
    check_linear(
        {"q": q.shape, "k": k.shape, "v": v.shape, **{name: x.shape for name, x in arrays.items()}},
        (q.dtype, k.dtype, v.dtype),
        feature_map=given["feature_map"],
        causal=given["causal"],
        normalize=given["normalize"],
        packed=packed,
        lengths=given["kv_lengths"],
    )
    with np.errstate(all="ignore"):
        whole = _whole(q, k, v, given)
        parts = []
        for n, (start, end) in enumerate(stretches(packed, k.shape[2])):
            parts.append(form(whole if packed is None else _cut(whole, slice(start, end), slice(n, n + 1))))
        sums = np.concatenate([sums for sums, _ in parts], axis=2)
        last = np.concatenate([last for _, last in parts], axis=0)
        scale = F32(1 if given["scale"] is None else given["scale"])
        out: Array = sums[..., :-1] * scale
        if given["normalize"]:
            out = out / (sums[..., -1:] * scale)
        rounded = out.astype(q.dtype)
    return (rounded, (last[..., :-1].copy(), last[..., -1].copy())) if return_state else rounded


def _whole(q: Array, k: Array, v: Array, given: dict[str, Any]) -> Sequence:
    b, h, sk = k.shape[:3]
    query, key = (_features(given["feature_map"], np.ascontiguousarray(x, dtype=F32)) for x in (q, k))
    value = np.concatenate([v.astype(F32), np.ones((b, h, sk, 1), F32)], axis=-1)
    log_gate: Array = np.zeros((b, h, sk, 1), F32)
    if given["gate"] is not None:
        gate = given["gate"].astype(F32)
        log_gate = log_gate + (gate[..., None] if gate.ndim == 3 else gate)
    if given["decay"] is not None:
        log_gate = log_gate + np.log(given["decay"].astype(F32))[:, None, None]
    lengths = given["kv_lengths"]
    active = np.arange(sk) < (np.full(b, sk) if lengths is None else lengths)[:, None]
    entries = b if given["cu_seqlens"] is None else len(given["cu_seqlens"]) - 1
    if given["initial_state"] is None:
        state = np.zeros((entries, h, key.shape[3], value.shape[3]), F32)
    else:
        first, normalizer = given["initial_state"]
        state = np.concatenate([first, normalizer[..., None]], axis=-1).astype(F32)
    beta = None if given["beta"] is None else given["beta"].astype(F32)
    return Sequence(query, key, value, log_gate, beta, active, state, bool(given["causal"]))


def _cut(s: Sequence, at: slice, entry: slice) -> Sequence:
    return Sequence(
        s.query[:, :, at],
        s.key[:, :, at],
        s.value[:, :, at],
        s.log_gate[:, :, at],
        None if s.beta is None else s.beta[:, :, at],
        s.active[:, at],
        s.state[entry],
        s.causal,
    )


def _features(name: str, x: Array) -> Array:
    if name == "elu1":
        return np.where(x > 0, x + F32(1), np.exp(np.minimum(x, F32(0))))
    if name == "relu":
        return np.maximum(x, F32(0))
    if name == "exp":
        return np.asarray(np.exp(x))
    if name not in TAYLOR:
        return x
    powers = [np.ones((*x.shape[:-1], 1), F32)]
    for m in range(1, TAYLOR[name] + 1):
        powers.append((powers[-1][..., :, None] * x[..., None, :]).reshape(*x.shape[:-1], x.shape[-1] ** m))
    return np.concatenate([power / F32(math.sqrt(math.factorial(m))) for m, power in enumerate(powers)], axis=-1)
