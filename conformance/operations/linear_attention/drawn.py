"""Options of linear attention by pattern: decays, gates, beta, a state to begin with, packed sequences; and what fits together.

Decays hold bfloat16 values, gates multiples of 1/64, so that an implementation that takes them in its own dtype loses nothing.
Beta is drawn as a share of 1/|φ(k)|²: where β |φ(k)|² lies between 0 and 2 a step of the delta rule never enlarges a state, and
elsewhere a sequence of any length overflows. It is never more than LARGEST_BETA, because a chunk in half precision may meet the
corrected value of a later step, and 0 times what has overflowed is NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from ....reference.linear_attention.features import FEATURE_MAPS, TAYLOR, features, width
from ...problems.streams import stream

__all__ = ["BETAS", "DECAYS", "FEATURE_MAPS", "GATES", "GATE_SHAPES", "LINEAR_OPTIONS", "LINEAR_VALUES", "PACKINGS", "STATES"]
__all__ += ["draw_linear", "fitted"]

Array = NDArray[Any]

DECAYS = ("retnet", "random", "half", "one")
"""Patterns of decay: 1 − 2^(−5 − h) for head h (Y. Sun et al., arXiv:2307.08621, section 3.1); between 1/2 and 1; 1/2; 1."""

GATES = ("mild", "strong", "open", "closed", "some")
"""Patterns of gate: factors near 1; down to exp(−5); all 1; all 0; mild ones, of which some are exactly 1 and some exactly
0."""

GATE_SHAPES = ("bhs", "bhsf")
"""A factor of each step, or of each step and feature."""

BETAS = ("random", "ones", "zeros", "some")
"""Patterns of beta times |φ(k)|²: between 0 and 1; 1; 0; some 0 and some 1."""

LARGEST_BETA = 64.0

STATES = ("normal",)
"""Patterns of initial_state: normal entries, and a normaliser between 1 and 2."""

PACKINGS = ("random", "one", "empties")
"""Patterns of cu_seqlens: four sequences; one; seven, of which the first, the last and another one are empty."""

LINEAR_OPTIONS = ("feature_map", "normalize", "decay", "gate", "beta", "initial_state", "return_state", "cu_seqlens")
"""Options that no other operation has."""

LINEAR_VALUES = (
    "integers",
    "constant",
    "zeros",
    "normal",
    "normal",
    "normal",
    "soft",
    "sharp",
    "positive",
    "ties",
    "subnormals",
)
"""Distributions whose features stay in the range of their dtypes."""

POSITIVE = ("elu1", "exp", "taylor2", "taylor4", "taylor6")
"""Maps under which every weight is positive."""

NARROW = {"taylor1": 64, "taylor2": 16, "taylor3": 6, "taylor4": 4, "taylor5": 3, "taylor6": 2}
"""The largest D of each Taylor map: Dφ stays below 300."""


def draw_linear(name: str, value: Any, s: Any, arrays: Mapping[str, Array]) -> Any:
    """An option of a structure s with these arrays, typed as its operation.yaml says; None for one that is not of here."""
    if name not in ("decay", "gate", "beta", "initial_state", "cu_seqlens"):
        return None
    rng, phi = stream(s.seed, name), width(s.described.get("feature_map", "identity"), s.d)
    if name == "decay":
        return _decay(value, s.hq, rng)
    if name == "gate":
        pattern, _, code = value.partition(":")
        shape = (s.b, s.hq, s.sk) if code == "bhs" else (s.b, s.hq, s.sk, phi)
        return _gate(pattern, shape, rng)
    if name == "beta":
        return _beta(value, features(s.described.get("feature_map", "identity"), arrays["k"].astype(np.float64)), rng)
    if name == "cu_seqlens":
        return _packing(value, s.sk, rng)
    entries = (
        len(_packing(s.described["cu_seqlens"], s.sk, stream(s.seed, "cu_seqlens"))) - 1 if "cu_seqlens" in s.described else s.b
    )
    state = rng.standard_normal((entries, s.hq, phi, s.dv)).astype(np.float32)
    return state, (1 + rng.random((entries, s.hq, phi))).astype(np.float32)


def _decay(pattern: str, heads: int, rng: np.random.Generator) -> Array:
    made = {
        "retnet": 1 - 2.0 ** (-5.0 - np.arange(heads) % 3),
        "random": rng.uniform(0.5, 1.0, heads),
        "half": np.full(heads, 0.5),
        "one": np.ones(heads),
    }
    return made[pattern].astype(ml_dtypes.bfloat16).astype(np.float32)


def _gate(pattern: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    mild = rng.integers(-32, 0, shape) / 64
    chance = rng.random(shape)
    made = {
        "mild": mild,
        "strong": rng.integers(-320, -32, shape) / 64,
        "open": np.zeros(shape),
        "closed": np.full(shape, -np.inf),
        "some": np.where(chance < 0.1, -np.inf, np.where(chance < 0.3, 0.0, mild)),
    }
    return made[pattern].astype(np.float32)


def _beta(pattern: str, phi: Array, rng: np.random.Generator) -> Array:
    square = (phi**2).sum(axis=-1)
    chance = rng.random(square.shape)
    share = {"random": chance, "ones": np.ones(square.shape), "zeros": np.zeros(square.shape), "some": np.round(chance)}[
        pattern
    ]
    usual = (square > 2.0**-60) & np.isfinite(square)
    beta = np.where(usual, share / np.where(usual, square, 1.0), share)
    limited: Array = np.minimum(beta, LARGEST_BETA).astype(np.float32)
    return limited


def _packing(pattern: str, length: int, rng: np.random.Generator) -> Array:
    if pattern == "one":
        cuts = np.array([], dtype=np.int64)
    else:
        cuts = np.sort(rng.integers(0, length + 1, 3))
    if pattern == "empties":
        cuts = np.concatenate([[0], cuts, cuts[-1:], [length]])
    return np.concatenate([[0], cuts, [length]]).astype(np.int32)


def fitted(
    options: dict[str, Any], kept: set[str], made: Mapping[str, int], sizes: Collection[str] = (), work: int = 1 << 62
) -> tuple[dict[str, Any], dict[str, int]]:
    """Options and sizes of linear attention that fit together. kept: options of which a law speaks, to which others give way.

    A normaliser is asked for with features that leave it positive, and where there is a key: nothing is promised of others.
    sizes: those of which a law speaks. The others become smaller where steps times entries of the state are more than work.
    """
    options = dict(options)
    for one, other in (("normalize", "beta"), ("cu_seqlens", "kv_lengths")):
        if one in options and other in options:
            del options[one if other in kept and one not in kept else other]
    if "normalize" in options and options.get("feature_map") not in POSITIVE:
        if "feature_map" not in kept:
            options["feature_map"] = "elu1"
        elif "normalize" not in kept:
            del options["normalize"]
    if "normalize" in options and options.get("kv_lengths") == "zero-some" and "kv_lengths" not in kept:
        options["kv_lengths"] = "random"
    made = {**made, "hkv": made["hq"]}
    mapped = options.get("feature_map", "identity")
    if mapped in TAYLOR:
        made["d"] = min(made["d"], NARROW[mapped])
    if "causal" in options or "cu_seqlens" in options:
        made["sq"] = made["sk"]
    if "cu_seqlens" in options:
        made["b"] = 1
    return options, _affordable(made, mapped, frozenset(sizes), work)


def _affordable(made: dict[str, int], feature_map: str, fixed: Collection[str], work: int) -> dict[str, int]:
    """Narrower features, then a smaller batch, then fewer heads, until the recurrence costs no more than work."""
    b, h, d, dv = (made[name] for name in ("b", "hq", "d", "dv"))
    while b * h * made["sk"] * width(feature_map, d) * dv > work:
        if dv > 1 and dv >= d and "dv" not in fixed:
            dv //= 2
        elif d > 1 and "d" not in fixed:
            d //= 2
        elif dv > 1 and "dv" not in fixed:
            dv //= 2
        elif b > 1 and "b" not in fixed:
            b -= 1
        elif h > 1 and not {"hq", "hkv"} & set(fixed):
            h -= 1
        else:
            break
    return {**made, "b": b, "hq": h, "hkv": h, "d": d, "dv": dv}
