"""Options of random feature attention by pattern: projections, and what fits together.

Projections hold multiples of 1/64 of at most eight bits, so that an implementation that takes them in half precision loses
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....reference.random_feature_attention.drawing import lengths, rotations
from ...problems.streams import stream

__all__ = ["FEATURE_COUNTS", "PROJECTIONS", "RANDOM_VALUES", "draw_given_projection", "fitted_random"]

PROJECTIONS = ("normal", "orthogonal")
"""Patterns of projection: independent normal rows; normal rows that are orthogonal, but for rounding, in blocks of D."""

FEATURE_COUNTS = (1, 3, 8, 16, 17, 33)
"""Numbers of features of a drawn projection, simplest first."""

RANDOM_VALUES = ("integers", "constant", "zeros", "normal", "normal", "soft", "soft", "soft", "ties", "subnormals")
"""Distributions whose vectors are mostly so short that features stay in the range of float16, if D is not large."""

GRID, BITS = 64, 255
"""Entries are whole numbers of at most 255 over 64."""


def draw_given_projection(described: str, s: Any) -> NDArray[np.float32]:
    """The projection (m, D) of a structure s that is described as `pattern:m`."""
    pattern, _, count = described.partition(":")
    rng, m = stream(s.seed, "projection"), int(count)
    if pattern == "normal":
        made = rng.standard_normal((m, s.d))
    else:
        made = lengths(rng, m, s.d)[:, None] * rotations(rng, -(-m // s.d), s.d).reshape(-1, s.d)[:m]
    return (np.clip(np.round(made * GRID), -BITS, BITS) / GRID).astype(np.float32)


def fitted_random(
    options: dict[str, Any], _kept: set[str], made: Mapping[str, int], *_cost: object
) -> tuple[dict[str, Any], dict[str, int]]:
    """Options and sizes of random feature attention that fit together. None gives way to another, and none is too dear."""
    return options, {**made, "hkv": made["hq"], "sq": made["sk" if "causal" in options else "sq"]}
