"""Seeded calls of attention over all options, for tests that hold two definitions against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

Call = tuple[tuple[Any, Any, Any], dict[str, Any]]

OPTIONS = (
    "scale",
    "causal",
    "window",
    "mask",
    "bias",
    "alibi_slopes",
    "softcap",
    "sinks",
    "segments",
    "kv_lengths",
    "dropout",
    "descales",
)


@pytest.fixture(scope="session")
def draw() -> Callable[..., Call]:
    """draw(seed, tiny=False) gives ((q, k, v), options): sizes around tile edges, each option given in one of three calls."""
    return _draw


def _draw(seed: int, tiny: bool = False) -> Call:
    r = np.random.default_rng(seed)
    hkv = int(r.integers(1, 4))
    b, hq = int(r.integers(1, 3)), hkv * int(r.choice([1, 2, 3]))
    sq, sk = (int(r.choice([1, 2, 3]) if tiny else r.choice([0, 1, 2, 5, 7, 8, 9, 17, 23])) for _ in range(2))
    d, dv = int(r.choice([1, 3, 5])), int(r.choice([1, 2, 4]))
    dtype = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16][seed % 4]
    size = r.choice([0.5, 2.0, 4.0])
    q, k, v = ((size * r.standard_normal((b, h, s, e))).astype(dtype) for h, s, e in ((hq, sq, d), (hkv, sk, d), (hkv, sk, dv)))
    given = {name for name in OPTIONS if r.random() < 1 / 3}
    options: dict[str, Any] = {
        "causal_alignment": str(r.choice(["top-left", "bottom-right"])),
        "empty_rows": str(r.choice(["zeros", "mean", "nan"])),
        "causal": "causal" in given,
    }
    pattern = tuple(n if r.random() < 0.7 else 1 for n in (b, hq, sq, sk))[int(r.integers(0, 3)) :]
    if "scale" in given:
        options["scale"] = float(r.choice([0.25, 1.0, -0.5]))
    if "window" in given:
        options["window"] = tuple(None if r.random() < 0.25 else int(n) for n in r.integers(0, 6, 2))
    if "mask" in given:
        options["mask"] = r.random(pattern) < 0.6
    if "bias" in given:
        bias = r.standard_normal(pattern)
        options["bias"] = np.where(r.random(pattern) < 0.1, -np.inf, bias).astype(dtype)
    if "alibi_slopes" in given:
        options["alibi_slopes"] = r.random(hq).astype(np.float32)
    if "softcap" in given:
        options["softcap"] = float(r.choice([0.5, 3.0, 30.0]))
    if "sinks" in given:
        options["sinks"] = (2 * r.standard_normal(hq)).astype(np.float32)
    if "segments" in given:
        options["q_segments"], options["kv_segments"] = r.integers(0, 3, (b, sq)), r.integers(0, 3, (b, sk))
    if "kv_lengths" in given:
        options["kv_lengths"] = r.integers(0, sk + 1, b)
        for entry, length in enumerate(options["kv_lengths"]):
            k[entry, :, length:], v[entry, :, length:] = np.nan, np.inf
    if "dropout" in given:
        options["dropout_p"], options["seed"] = float(r.choice([0.1, 0.5])), int(r.integers(0, 2**40))
    if "descales" in given:
        for name in ("q_descale", "k_descale", "v_descale"):
            options[name] = r.choice([0.25, 0.5, 2.0, 0.7, 1.3], (b, hkv)).astype(np.float32)
    return (q, k, v), options
