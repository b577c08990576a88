"""What faults are made of: the two definitions of attention, each with some of its steps replaced.

A fault must differ from a correct implementation by its mistake and by nothing else. So all are made from the same float64
pipelines and rounded once, by `catalogue.as_callable`. Some mistakes remember something from call to call; what is
registered is therefore a maker, and two functions that it makes share no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import FLOAT8
from ..gradients import GRADIENT_STEPS, gradients
from ..steps import STEPS
from ..textbook import attention
from ..tiled import tiled_attention
from ..tiled_head import TILED_STEPS

__all__ = [
    "BACKWARDS",
    "MAKERS",
    "SMALLEST_TILE",
    "Answer",
    "Backward",
    "Function",
    "Maker",
    "backward_fault",
    "differentiated",
    "fault",
    "other_corner",
    "returned_in",
    "textbook",
    "tile_size",
    "tiled",
    "tiles_down",
    "tiles_of",
    "tiles_up",
]

Array = NDArray[Any]

SMALLEST_TILE = 16
"""Keys, and queries, in the smallest tile of real kernels."""


@dataclass
class Tiles:
    """size: keys, and queries, in a tile of the tiled faults. asked: whether a fault asked for it, so that it has tiles."""

    size: int
    asked: bool = False


_TILES: ContextVar[Tiles | None] = ContextVar("tiles", default=None)


def tile_size() -> int:
    """Keys, and queries, in a tile: those of the smallest, unless inside of `tiles_of`."""
    tiles = _TILES.get()
    if tiles is None:
        return SMALLEST_TILE
    tiles.asked = True
    return tiles.size


def tiles_up(count: Any) -> Any:
    """A number of keys or queries, rounded up to whole tiles."""
    return -(-count // tile_size()) * tile_size()


def tiles_down(count: Any) -> Any:
    """A number of keys or queries, rounded down to whole tiles; a position, to where its tile begins."""
    return count // tile_size() * tile_size()


@contextmanager
def tiles_of(size: int) -> Iterator[Tiles]:
    """Inside of the block tiles have another size; what is given says afterwards whether that mattered."""
    tiles = Tiles(size)
    token = _TILES.set(tiles)
    try:
        yield tiles
    finally:
        _TILES.reset(token)


class Answer(NamedTuple):
    """What a fault computes, before rounding.

    out: float64 (B, Hq, Sq, Dv). lse: float64 (B, Hq, Sq). weights: float64 (B, Hq, Sq, Sk), or None where they were not
    asked for and cost something. dtype: the dtype that the output gets, None for that of the queries. state: float64
    (B, H, Dφ, Dv) and normalizer: float64 (B, H, Dφ) of linear attention, which has no weights, and whose lse is empty.
    """

    out: Array
    lse: Array
    weights: Array | None
    dtype: str | None = None
    state: Array | None = None
    normalizer: Array | None = None


Function = Callable[..., Answer]
"""function(q, k, v, **options) → Answer, with all options of its operation, those that ask for results too."""

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


Backward = Callable[..., tuple[Array, Array, Array]]
"""backward(dout, q, k, v, **options) → (dq, dk, dv), float64, with the options of textbook.attention."""

BACKWARDS: dict[str, Callable[[], Backward]] = {}
"""The makers of backward passes, by the name of their fault."""


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


def returned_in(dtype: str) -> str:
    """The dtype of the output for inputs of a dtype: the same, or float32 for float8 inputs."""
    return "float32" if dtype in FLOAT8 else dtype


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
