"""What adapters of random feature attention check before they compute: one that is handed a wrong shape reads other numbers.

Each message names the argument and the fix. Shapes are plain tuples, so that this knows no framework.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["check_random"]

Shape = tuple[int, ...]


def check_random(
    q: Shape,
    k: Shape,
    v: Shape,
    dtypes: Sequence[Any],
    *,
    projection: Shape | None,
    num_features: int | None,
    causal: bool,
    scale: float | None,
) -> tuple[int, float]:
    """m and the scale of one call. Raises ValueError for the first argument that does not fit, naming it."""
    for name, shape in (("q", q), ("k", k), ("v", v)):
        _require(len(shape) == 4, f"{name} has shape {shape}; it must have four axes (B, H, S, D)")
    _require(k[:2] == q[:2] and k[3] == q[3], f"k has shape {k} and q has {q}; batch, heads and features must be equal")
    _require(v[:3] == k[:3], f"v has shape {v}; it must have batch, heads and keys {k[:3]} of k")
    _require(len(set(dtypes)) == 1, f"q, k and v have the dtypes {', '.join(map(str, dtypes))}; they must be one")
    _require(not causal or q[2] == k[2], f"a causal pass takes as many queries as keys, not {q[2]} and {k[2]}")
    _require(scale is None or scale > 0, f"scale is {scale}; it must be positive")
    factor = 1 / math.sqrt(q[3]) if scale is None else float(scale)
    if projection is None:
        count = q[3] if num_features is None else num_features
        _require(count > 0, f"num_features is {count}; it must be at least 1")
        return count, factor
    _require(num_features is None, "projection and num_features exclude each other")
    _require(
        len(projection) == 2 and projection[0] > 0 and projection[1] == q[3],
        f"projection has shape {projection}; it must be (m, {q[3]}) with at least one row",
    )
    return projection[0], factor


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
