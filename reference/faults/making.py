"""What faults are made of: the two definitions of attention, each with some of its steps replaced.

A fault must differ from a correct implementation by its mistake and by nothing else. So all are made from the same float64
pipelines and rounded once, by `catalogue.as_callable`. Some mistakes remember something from call to call; what is
registered is therefore a maker, and two functions that it makes share no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..steps import STEPS
from ..textbook import attention
from ..tiled import tiled_attention
from ..tiled_head import TILED_STEPS

__all__ = ["MAKERS", "TILE", "Answer", "Function", "Maker", "fault", "other_corner", "textbook", "tiled"]

Array = NDArray[Any]

TILE = 16
"""Keys, and queries, in a tile of the tiled faults: the smallest tile of real kernels."""


class Answer(NamedTuple):
    """What a fault computes, before rounding.

    out: float64 (B, Hq, Sq, Dv). lse: float64 (B, Hq, Sq). weights: float64 (B, Hq, Sq, Sk), or None where they were not
    asked for and cost something. dtype: the dtype that the output gets, None for that of the queries.
    """

    out: Array
    lse: Array
    weights: Array | None
    dtype: str | None = None


Function = Callable[..., Answer]
"""function(q, k, v, **options) → Answer, with the options of spec/operations.yaml, return_lse and return_weights too."""

Maker = Callable[[], Function]

MAKERS: dict[str, Maker] = {}
"""The makers by the name of their fault, in the order of registration."""


def fault(name: str) -> Callable[[Maker], Maker]:
    """Register the decorated maker under a name. Raises ValueError where the name is taken."""

    def register(maker: Maker) -> Maker:
        if name in MAKERS:
            raise ValueError(f"the fault {name!r} is registered twice; give one of them another name")
        MAKERS[name] = maker
        return maker

    return register


def textbook(**changed: Any) -> Function:
    """`textbook.attention` with some of `steps.Steps` replaced. It raises ValueError as that does, and for mixed dtypes."""
    steps = replace(STEPS, **changed)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        _require_one_dtype(q, k, v)
        made = attention(q, k, v, steps=steps, **_computed(options))
        return Answer(made.out, made.lse, made.weights)

    return attend


def tiled(**changed: Any) -> Function:
    """`tiled.tiled_attention` over tiles of 16 keys with some of `TiledSteps` replaced, raising as `textbook` does."""
    steps = replace(TILED_STEPS, **changed)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        _require_one_dtype(q, k, v)
        out, lse = tiled_attention(q, k, v, tile=TILE, steps=steps, **_computed(options))
        weights = None
        if options.get("return_weights"):
            one_hot = np.broadcast_to(np.eye(k.shape[2]), (*k.shape[:3], k.shape[2]))
            undropped = {**_computed(options), "dropout_p": 0.0}
            weights, _ = tiled_attention(q, k, one_hot, tile=TILE, steps=steps, **undropped)
        return Answer(out, lse, weights)

    return attend


def other_corner(q: Array, k: Array, kv_lengths: Any) -> Array:
    """What must be added to the row of a query to count from the bottom-right corner, int64 (B, 1, 1, 1)."""
    lengths = np.full(q.shape[0], k.shape[2]) if kv_lengths is None else np.asarray(kv_lengths)
    return (lengths.astype(np.int64) - q.shape[2])[:, None, None, None]


def _computed(options: dict[str, Any]) -> dict[str, Any]:
    """The options that say what is computed, without those that say what is returned."""
    return {name: value for name, value in options.items() if name not in ("return_lse", "return_weights")}


def _require_one_dtype(q: Array, k: Array, v: Array) -> None:
    for name, x in (("k", k), ("v", v)):
        if x.dtype != q.dtype:
            raise ValueError(f"{name} has dtype {x.dtype} and q has {q.dtype}; they must be equal")
