"""What hosts check before they launch a kernel: one that is handed a wrong shape reads somebody else's memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .mode import DEVICE

__all__ = ["LARGEST_WIDTH", "check", "check_gradient"]

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
LARGEST_WIDTH = 256
"""The largest D and Dv: a tile holds whole rows."""


def check(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, options: Mapping[str, Any]) -> None:
    """Raise ValueError unless q (B, Hq, Sq, D), k (B, Hkv, Sk, D), v (B, Hkv, Sk, Dv) and the options fit together."""
    for name, array in (("q", q), ("k", k), ("v", v)):
        _require(array.ndim == 4, f"{name} must be (B, H, S, D), not {tuple(array.shape)}")
        _require(array.dtype in DTYPES, f"{name} has dtype {array.dtype}; it must be float32, float16 or bfloat16")
        _require(array.dtype == q.dtype, f"{name} has dtype {array.dtype} and q has {q.dtype}; they must be the same")
        _require(array.shape[0] == q.shape[0], f"{name} has {array.shape[0]} batch entries and q has {q.shape[0]}")
        _require(array.shape[3] <= LARGEST_WIDTH, f"{name} has {array.shape[3]} features; a tile holds {LARGEST_WIDTH}")
    _require(k.shape[3] == q.shape[3], f"k has {k.shape[3]} features and q has {q.shape[3]}; they must be equal")
    _require(k.shape[1:3] == v.shape[1:3], f"k has {tuple(k.shape[1:3])} heads and positions, v has {tuple(v.shape[1:3])}")
    _require(k.shape[1] > 0 and q.shape[1] % k.shape[1] == 0, f"{q.shape[1]} query heads are no multiple of {k.shape[1]}")
    _check_options(q, k, {name: value for name, value in options.items() if value is not None})
    for name, array in (("q", q), ("k", k), ("v", v), *((n, x) for n, x in options.items() if isinstance(x, torch.Tensor))):
        _require(array.device.type == DEVICE, f"{name} lies on {array.device}; kernels run on {DEVICE} here")


def check_gradient(dout: torch.Tensor, q: torch.Tensor, v: torch.Tensor) -> None:
    """Raise ValueError unless dout has the dtype and shape of the output."""
    due = (*q.shape[:3], v.shape[3])
    fits = dout.dtype == q.dtype and tuple(dout.shape) == due
    _require(fits, f"dout is {dout.dtype} {tuple(dout.shape)}; it must be {q.dtype} {due}, as the output")


def _check_options(q: torch.Tensor, k: torch.Tensor, given: Mapping[str, Any]) -> None:
    b, hq, sq = q.shape[:3]
    sk = k.shape[2]
    for name, wanted in (("mask", torch.bool), ("bias", q.dtype)):
        if name in given:
            _require(given[name].dtype == wanted, f"{name} has dtype {given[name].dtype}; it must be {wanted}")
            fits = _broadcasts(tuple(given[name].shape), (b, hq, sq, sk))
            _require(fits, f"{name} {tuple(given[name].shape)} does not broadcast to {(b, hq, sq, sk)}")
    for name, shape in (
        ("alibi_slopes", (hq,)),
        ("sinks", (hq,)),
        ("q_segments", (b, sq)),
        ("kv_segments", (b, sk)),
        ("kv_lengths", (b,)),
    ):
        if name in given:
            _require(tuple(given[name].shape) == shape, f"{name} has shape {tuple(given[name].shape)}; it must be {shape}")
    for name in ("alibi_slopes", "sinks"):
        if name in given:
            _require(given[name].dtype == torch.float32, f"{name} has dtype {given[name].dtype}; it must be float32")
    _require(("q_segments" in given) == ("kv_segments" in given), "q_segments and kv_segments come together; give both")
    if "kv_lengths" in given:
        lengths = given["kv_lengths"].tolist()
        _require(all(0 <= n <= sk for n in lengths), f"kv_lengths {lengths} must lie in 0..{sk}")
    for side in given.get("window", ()):
        _require(side is None or side >= 0, f"window {given['window']} must have sides that are None or not negative")
    _require(given.get("softcap", 1.0) > 0, f"softcap {given.get('softcap')} must be positive")


def _broadcasts(shape: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    return len(shape) <= len(sizes) and all(
        have in (1, want) for have, want in zip(reversed(shape), reversed(sizes), strict=False)
    )


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
