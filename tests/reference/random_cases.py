"""Calls of random feature attention over its options, for the tests of its reference."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["call"]


def call(seed: int, lengths: tuple[int, ...] = (1, 2, 5, 17, 33)) -> tuple[list[Any], dict[str, Any]]:
    """q, k, v in float64, and a projection of entries that every dtype holds; vectors short and long, scales given or not."""
    r = np.random.default_rng([seed, 12])
    d, m, s, size = (int(r.choice(x)) for x in ((1, 4, 8, 16), (1, 3, 16, 33), lengths, (1, 2, 4)))
    options: dict[str, Any] = {"causal": bool(r.random() < 0.5)}
    rows = s if options["causal"] else int(r.choice([1, 3, 9]))
    if r.random() < 0.4:
        options["scale"] = float(r.choice([0.5, 0.125]))
    options["projection"] = (np.clip(np.round(64 * r.standard_normal((m, d))), -255, 255) / 64).astype(np.float32)
    q, k = (size / 2 * r.standard_normal((2, 2, n, d)) for n in (rows, s))
    return [q, k, r.standard_normal((2, 2, s, 3))], options
