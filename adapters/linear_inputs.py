"""What adapters of linear attention check before they compute: one that is handed a wrong shape reads somebody else's numbers.

Each message names the argument and the fix. Shapes are plain tuples, so that this knows no framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

__all__ = ["FEATURE_MAPS", "TAYLOR", "check_linear", "stretches", "width"]

Shape = tuple[int, ...]

TAYLOR = {f"taylor{n}": n for n in range(1, 7)}
"""Degrees of the Taylor maps."""

FEATURE_MAPS = ("identity", "elu1", "relu", "exp", *TAYLOR)


def width(feature_map: str, d: int) -> int:
    """The number of features that a map makes of D entries."""
    return sum(d**m for m in range(TAYLOR[feature_map] + 1)) if feature_map in TAYLOR else d


def check_linear(
    shapes: Mapping[str, Shape],
    dtypes: Sequence[Any],
    *,
    feature_map: str,
    causal: bool,
    normalize: bool,
    packed: Sequence[int] | None = None,
    lengths: Sequence[int] | None = None,
) -> None:
    """Raise ValueError unless arrays and options fit together.

    shapes: of q, k and v, and of decay, gate, beta, state and normalizer where these are given. dtypes: of q, k and v.
    """
    q, k, v = shapes["q"], shapes["k"], shapes["v"]
    for name in "qkv":
        _require(len(shapes[name]) == 4, f"{name} must be (B, H, S, D), not {shapes[name]}")
    _require(len({str(dtype) for dtype in dtypes}) == 1, f"q, k and v have the dtypes {dtypes}; they must be equal")
    _require(k[:2] == q[:2] and k[3] == q[3], f"k {k} must have batch, heads and features of q {q}")
    _require(v[:3] == k[:3], f"v {v} must have batch, heads and keys of k {k}")
    _require(feature_map in FEATURE_MAPS, f"feature_map {feature_map!r} must be one of {', '.join(FEATURE_MAPS)}")
    _require(not causal or q[2] == k[2], f"a causal pass takes as many queries as keys, not {q[2]} and {k[2]}")
    _require(not (normalize and "beta" in shapes), "normalize and beta exclude each other")
    phi, entries = width(feature_map, q[3]), q[0]
    if packed is not None:
        cuts = [int(n) for n in packed]
        fits = len(cuts) > 1 and cuts[0] == 0 and cuts[-1] == k[2] and cuts == sorted(cuts)
        _require(fits, f"cu_seqlens {cuts} must ascend from 0 to {k[2]}")
        _require(q[0] == 1 and q[2] == k[2] and lengths is None, "cu_seqlens takes a batch of one, Sq = Sk, and no kv_lengths")
        entries = len(cuts) - 1
    if lengths is not None:
        fits = len(lengths) == q[0] and all(0 <= int(n) <= k[2] for n in lengths)
        _require(fits, f"kv_lengths {[int(n) for n in lengths]} must be {q[0]} lengths of at most {k[2]}")
    steps = k[:3]
    due: dict[str, tuple[Shape, ...]] = {
        "decay": ((q[1],),),
        "gate": (steps, (*steps, phi)),
        "beta": (steps,),
        "state": ((entries, q[1], phi, v[3]),),
        "normalizer": ((entries, q[1], phi),),
    }
    for name, allowed in due.items():
        if name in shapes:
            wanted = " or ".join(str(shape) for shape in allowed)
            _require(tuple(shapes[name]) in allowed, f"{name} has shape {tuple(shapes[name])}; it must be {wanted}")


def stretches(packed: Sequence[int] | None, steps: int) -> list[tuple[int, int]]:
    """The first step of each sequence and the one after its last: all steps where nothing is packed."""
    if packed is None:
        return [(0, steps)]
    cuts = [int(n) for n in packed]
    return list(pairwise(cuts))


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
