"""What faults of attention are made of: its two definitions and its gradients, each with some of its steps replaced.

Sparse attention is attention under a mask, so its faults are made of these too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import BACKWARDS, Answer, Array, Backward, Function, fault, tile_size
from ..gradients import GRADIENT_STEPS, gradients
from ..steps import STEPS
from ..textbook import attention
from ..tiled import tiled_attention
from ..tiled_head import TILED_STEPS

__all__ = ["backward_fault", "differentiated", "other_corner", "textbook", "tiled"]


def backward_fault(name: str) -> Callable[[Callable[[], Backward]], Callable[[], Backward]]:
    """Register the decorated maker of a backward pass under a name; the forward pass of such a fault is right."""

    def register(maker: Callable[[], Backward]) -> Callable[[], Backward]:
        fault(name)(textbook)
        BACKWARDS[name] = maker
        return maker

    return register


def differentiated(**changed: Any) -> Backward:
    """`gradients.gradients` with some of `GradientSteps` replaced. It raises ValueError as that does."""
    steps = replace(GRADIENT_STEPS, **changed)

    def backward(dout: Array, q: Array, k: Array, v: Array, **options: Any) -> tuple[Array, Array, Array]:
        made = gradients(dout, q, k, v, steps=steps, **_computed(options))
        return made.dq, made.dk, made.dv

    return backward


def textbook(**changed: Any) -> Function:
    """`textbook.attention` with some of `steps.Steps` replaced. It raises ValueError as that does, and for mixed dtypes."""
    if not changed:
        return _definition
    steps = replace(STEPS, **changed)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        _require_one_dtype(q, k, v)
        made = attention(q, k, v, steps=steps, **_computed(options))
        return Answer(made.out, made.lse, made.weights)

    return attend


LATEST: dict[Any, Answer] = {}
"""What the definition answers to the latest calls, by their contents."""

KEPT = 32
"""Calls of which the answer is kept: those of one problem, heads one by one included."""


def _definition(q: Array, k: Array, v: Array, **options: Any) -> Answer:
    """The definition. Many faults start from its answer, and are tried on one problem after another fault was."""
    _require_one_dtype(q, k, v)
    computed = _computed(options)
    key = tuple((name, _content(x)) for name, x in (("q", q), ("k", k), ("v", v), *sorted(computed.items())))
    if key not in LATEST:
        made = attention(q, k, v, **computed)
        while len(LATEST) >= KEPT:
            del LATEST[next(iter(LATEST))]
        LATEST[key] = Answer(made.out, made.lse, made.weights)
    kept = LATEST[key]
    return Answer(kept.out.copy(), kept.lse.copy(), None if kept.weights is None else kept.weights.copy())


def _content(x: Any) -> Any:
    return (x.shape, x.dtype, x.tobytes()) if isinstance(x, np.ndarray) else (tuple(x) if isinstance(x, list) else x)


def tiled(splits: int = 1, **changed: Any) -> Function:
    """`tiled.tiled_attention` over tiles of `tile_size()` keys, with some of `TiledSteps` replaced.

    It raises as `textbook` does.
    """
    steps = replace(TILED_STEPS, **changed)

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        _require_one_dtype(q, k, v)
        out, lse = tiled_attention(q, k, v, tile=tile_size(), splits=splits, steps=steps, **_computed(options))
        weights = None
        if options.get("return_weights"):
            one_hot = np.broadcast_to(np.eye(k.shape[2]), (*k.shape[:3], k.shape[2]))
            undropped = {**_computed(options), "dropout_p": 0.0, "v_descale": None}
            weights, _ = tiled_attention(q, k, one_hot, tile=tile_size(), splits=splits, steps=steps, **undropped)
        return Answer(out, lse, weights)

    return attend


def other_corner(q: Array, k: Array, options: Mapping[str, Any]) -> Array:
    """What must be added to the position of a query to count from the corner that is not asked for, int64 (B, 1, 1, 1)."""
    given = options.get("kv_lengths")
    lengths = np.full(q.shape[0], k.shape[2]) if given is None else np.asarray(given)
    to_bottom_right = (lengths.astype(np.int64) - q.shape[2])[:, None, None, None]
    other: Array = -to_bottom_right if options.get("causal_alignment") == "bottom-right" else to_bottom_right
    return other


def _computed(options: dict[str, Any]) -> dict[str, Any]:
    """The options that say what is computed, without those that say what is returned."""
    return {name: value for name, value in options.items() if name not in ("return_lse", "return_weights")}


def _require_one_dtype(q: Array, k: Array, v: Array) -> None:
    for name, x in (("k", k), ("v", v)):
        if x.dtype != q.dtype:
            raise ValueError(f"{name} has dtype {x.dtype} and q has {q.dtype}; they must be equal")
