"""Block masks by pattern, at a block size, for all entries and heads or for each of them.

Blocks are 1, 4 or 16 rows and columns, so that few lengths are a multiple; a mask of blocks of 1 says any pattern. Rows and
columns of blocks are drawn to differ, because a mask that is read transposed looks right where it is symmetric.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ....reference.sparse_attention.checks import grid

__all__ = ["BLOCK_MASKS", "BLOCK_SHAPES", "BLOCK_SIZES", "draw_block_mask"]

Bools = NDArray[np.bool_]
Shape = tuple[int, int, int, int]

BLOCK_SIZES = (1, 4, 16)
"""Rows, and columns, in a block of drawn problems."""

BLOCK_SHAPES = ("11", "1h", "b1", "bh")
"""Whether batch entries and heads have masks of their own."""


def draw_block_mask(pattern: str, size: int, code: str, sizes: tuple[int, int, int, int], rng: np.random.Generator) -> Bools:
    """A block mask, True where a block is kept, for scores of `sizes` (B, Hq, Sq, Sk). KeyError for an unknown pattern."""
    b, h, sq, sk = sizes
    shape = (b if code[0] == "b" else 1, h if code[1] == "h" else 1, *grid(sq, sk, size))
    made = BLOCK_MASKS[pattern](rng, shape) if 0 not in shape else np.zeros(shape, dtype=bool)
    return np.ascontiguousarray(np.broadcast_to(made, shape))


def full(rng: np.random.Generator, shape: Shape) -> Bools:
    """Every block is kept: the answer is that without a block mask."""
    return np.ones(shape, dtype=bool)


def random(rng: np.random.Generator, shape: Shape) -> Bools:
    """Each block is kept with probability 0.5, and at least one in each row of blocks."""
    return _with_a_block(rng, rng.random(shape) < 0.5)


def single(rng: np.random.Generator, shape: Shape) -> Bools:
    """One block is kept in each row of blocks."""
    return _with_a_block(rng, np.zeros(shape, dtype=bool))


def empty_row(rng: np.random.Generator, shape: Shape) -> Bools:
    """Like random, but one row of blocks in each head keeps none."""
    row = rng.integers(0, shape[2], (*shape[:2], 1, 1))
    kept: Bools = random(rng, shape) & (np.arange(shape[2])[:, None] != row)
    return kept


def empty_column(rng: np.random.Generator, shape: Shape) -> Bools:
    """Like random, but no row keeps one of the columns of blocks, where there are two."""
    column = rng.integers(0, shape[3], (*shape[:2], 1, 1))
    kept = np.arange(shape[3]) != column if shape[3] > 1 else np.ones((1, 1, 1, 1), dtype=bool)
    return rng.random(shape) < np.where(kept, 0.6, 0.0)


def lower(rng: np.random.Generator, shape: Shape) -> Bools:
    """The diagonal of blocks and all below it."""
    return np.broadcast_to(np.arange(shape[3]) <= np.arange(shape[2])[:, None], shape)


def diagonal(rng: np.random.Generator, shape: Shape) -> Bools:
    """The diagonal of blocks alone; rows of blocks past the last column keep none."""
    return np.broadcast_to(np.arange(shape[3]) == np.arange(shape[2])[:, None], shape)


def last_column(rng: np.random.Generator, shape: Shape) -> Bools:
    """The last, often partial, block of keys alone."""
    return np.broadcast_to(np.arange(shape[3]) == shape[3] - 1, shape)


def _with_a_block(rng: np.random.Generator, mask: Bools) -> Bools:
    place = rng.integers(0, mask.shape[-1], (*mask.shape[:-1], 1))
    kept: Bools = mask | ((np.arange(mask.shape[-1]) == place) & ~mask.any(axis=-1, keepdims=True))
    return kept


BLOCK_MASKS: dict[str, Callable[[np.random.Generator, Shape], Bools]] = {
    "full": full,
    "random": random,
    "single": single,
    "empty-row": empty_row,
    "empty-column": empty_column,
    "lower": lower,
    "diagonal": diagonal,
    "last-column": last_column,
}
"""Patterns of block masks, simplest first."""
