"""A way to be green without being right: a kernel, what it does, and why it is beyond reach, if it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["WAYS", "Kernel", "Way", "right", "way", "zeros"]

Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Way:
    """One way. make: makes the kernel anew, as it is before its first call. beyond: why no answer tells it from a right kernel,
    empty where the laws reject it. declared: what its author declares besides.
    """

    name: str
    about: str
    make: Callable[[], Kernel]
    beyond: str = ""
    declared: dict[str, Any] = field(default_factory=dict)


WAYS: dict[str, Way] = {}


def way(name: str, about: str, beyond: str = "", **declared: Any) -> Callable[[Callable[[], Kernel]], Callable[[], Kernel]]:
    """Register what makes a kernel as a way."""

    def kept(make: Callable[[], Kernel]) -> Callable[[], Kernel]:
        assert name not in WAYS, name
        WAYS[name] = Way(name, about, make, beyond, declared)
        return make

    return kept


def right(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
    """The textbook, in float64, rounded once."""
    dtype = q.dtype
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = np.where(np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None], scores, -np.inf)
    with np.errstate(all="ignore"):
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-1e300))
        out = odds / odds.sum(axis=-1, keepdims=True) @ v if k.shape[2] else np.zeros((*q.shape[:3], v.shape[3]))
    return out.astype(dtype)


def zeros(q: Any, v: Any) -> Any:
    return np.zeros((*q.shape[:3], v.shape[3]), q.dtype)
