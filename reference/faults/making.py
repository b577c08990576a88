"""What all faults share: their answers, how they are registered, and how large their tiles are.

A fault must differ from a correct implementation by its mistake and by nothing else. So all are made from the float64
pipelines of their operation and rounded once, by `catalogue.as_callable`. Some mistakes remember something from call to call;
what is registered is therefore a maker, and two functions that it makes share no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ..arithmetic import FLOAT8

__all__ = [
    "BACKWARDS",
    "MAKERS",
    "SMALLEST_TILE",
    "Answer",
    "Backward",
    "Defined",
    "Function",
    "Maker",
    "fault",
    "returned_in",
    "tile_size",
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


class Defined(NamedTuple):
    """What the faults of an operation are made of, as its folder of faults says in DEFINED.

    definition: makes the function of its definition. differentiated: makes the backward pass of the definition, or None where
    there is none; backward_options: those that it takes. conventions: those that both take beside the options.
    """

    definition: Maker
    differentiated: Callable[[], Callable[..., Any]] | None = None
    backward_options: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()


def fault(name: str) -> Callable[[Maker], Maker]:
    """Register the decorated maker under a name. Raises ValueError where the name is taken."""

    def register(maker: Maker) -> Maker:
        if name in MAKERS:
            raise ValueError(f"the fault {name!r} is registered twice; give one of them another name")
        MAKERS[name] = maker
        return maker

    return register


Backward = Callable[..., tuple[Array, Array, Array]]
"""backward(dout, q, k, v, **options) → (dq, dk, dv), float64, with the options of attention."""

BACKWARDS: dict[str, Callable[[], Backward]] = {}
"""The makers of backward passes, by the name of their fault."""


def returned_in(dtype: str) -> str:
    """The dtype of the output for inputs of a dtype: the same, or float32 for float8 inputs."""
    return "float32" if dtype in FLOAT8 else dtype
