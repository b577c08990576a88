"""Reading the arguments of random feature attention: checked, and in float64."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import real
from .drawing import draw_projection

__all__ = ["RandomFeatures", "read"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RandomFeatures:
    """Arguments of one call.

    q: (B, H, Sq, D), k: (B, H, Sk, D), v: (B, H, Sk, Dv), float64. projection: float64 (m, D), one row w for each feature, or
    (B, H, m, D) where heads have projections of their own. scale: what multiplies q·k.
    """

    q: Array
    k: Array
    v: Array
    projection: Array
    scale: float
    causal: bool

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which row reads which key, bool (Sq, Sk)."""
        rows, keys = self.q.shape[2], self.k.shape[2]
        return np.arange(keys) <= np.arange(rows)[:, None] if self.causal else np.ones((rows, keys), dtype=bool)


def read(
    q: Any,
    k: Any,
    v: Any,
    *,
    projection: Any = None,
    num_features: int | None = None,
    seed: int = 0,
    orthogonal: bool = False,
    scale: float | None = None,
    causal: bool = False,
) -> RandomFeatures:
    """One call, with the projection that is given, or with one that is drawn here.

    Raises ValueError for arguments that do not fit together, naming the first.
    """
    arrays = {name: real(name, x) for name, x in (("q", q), ("k", k), ("v", v))}
    for name, x in arrays.items():
        _require(x.ndim == 4, f"{name} has shape {x.shape}; it must have four axes (B, H, S, D)")
    (b, h, sq, d), key, value = (arrays[name].shape for name in "qkv")
    _require(key[:2] == (b, h), f"k has (batch, heads) {key[:2]} and q has {(b, h)}; they must be equal, and so must the heads")
    _require(key[3] == d, f"k has {key[3]} features and q has {d}; they must be equal")
    _require(value[:3] == key[:3], f"v has (batch, heads, keys) {value[:3]} and k has {key[:3]}; they must be equal")
    _require(not causal or sq == key[2], f"there are {sq} queries and {key[2]} keys; a causal pass takes as many of each")
    _require(scale is None or scale > 0, f"scale is {scale}; it must be positive, for its root multiplies queries and keys")
    if projection is None:
        made = draw_projection(d if num_features is None else num_features, d, seed, orthogonal=orthogonal)
    else:
        _require(num_features is None, "projection and num_features exclude each other: a given projection has its own rows")
        made = real("projection", projection)
        _require(
            made.ndim == 2 and made.shape[0] > 0 and made.shape[1] == d,
            f"projection has shape {made.shape}; it must be (m, D) with at least one row, here (m, {d})",
        )
    factor = 1 / math.sqrt(d) if scale is None else float(scale)
    return RandomFeatures(arrays["q"], arrays["k"], arrays["v"], made, factor, bool(causal))


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
