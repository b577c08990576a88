"""Calls of linear attention over all of its options, for the tests of its reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnspec.reference.linear_attention.features import features, width

__all__ = ["MAPS", "call"]

MAPS = ("identity", "elu1", "relu", "exp", "taylor1", "taylor2", "taylor3")
WIDEST = {"taylor2": 6, "taylor3": 4}


def call(seed: int, lengths: tuple[int, ...] = (0, 1, 2, 5, 17, 21, 33)) -> tuple[list[Any], dict[str, Any]]:
    """q, k, v in float64 and options: gates of 0 and 1 among them, packed sequences that are empty, lengths of 0."""
    r = np.random.default_rng([seed, 11])
    name = str(r.choice(MAPS))
    d, dv, s, h = int(r.choice([1, 3, 8])), 3, int(r.choice(lengths)), 2
    d = min(d, WIDEST.get(name, d))
    options: dict[str, Any] = {"feature_map": name, "causal": bool(r.random() < 0.7), "scale": float(r.choice([1.0, 0.5]))}
    packed = r.random() < 0.3
    b = 1 if packed else 2
    sq = s if options["causal"] or packed else int(r.integers(0, 6))
    phi, entries = width(name, d), b
    q, k, v = r.standard_normal((b, h, sq, d)), 0.5 * r.standard_normal((b, h, s, d)), r.standard_normal((b, h, s, dv))
    if r.random() < 0.4:
        options["decay"] = r.uniform(0.4, 1.0, h).astype(np.float32)
    if r.random() < 0.5:
        gate = -r.exponential(1.0, (b, h, s) if r.random() < 0.5 else (b, h, s, phi))
        chance = r.random(gate.shape)
        options["gate"] = np.where(chance < 0.1, -np.inf, np.where(chance < 0.2, 0.0, gate)).astype(np.float32)
    if packed:
        cuts = np.sort(r.integers(0, s + 1, 3))
        options["cu_seqlens"] = np.concatenate([[0], cuts, [s]]).astype(np.int32)
        entries = 4
    elif r.random() < 0.4:
        options["kv_lengths"] = r.integers(0, s + 1, b).astype(np.int32)
    if r.random() < 0.3:
        options["beta"] = (r.random((b, h, s)) / np.maximum((features(name, k) ** 2).sum(-1), 1e-3)).astype(np.float32)
    elif name in ("elu1", "exp"):
        options["normalize"] = bool(r.random() < 0.6)
    if r.random() < 0.4:
        state = r.standard_normal((entries, h, phi, dv)).astype(np.float32)
        options["initial_state"] = (state, r.uniform(0.5, 1.0, (entries, h, phi)).astype(np.float32))
    return [q, k, v], options
