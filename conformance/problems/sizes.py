"""The sizes that one run meets.

Mistakes live at edges: one key past a tile, a tail that is not a multiple of anything, fewer queries than keys and the
reverse, head counts that are no power of two. So lengths are small, prime, or next to a tile edge. Thousands of problems
run, so most are small, and the product B·Hq·Sq·Sk is capped: large lengths go with few heads and narrow features.
Backends that compile pay for each new shape, so a run over them meets only a handful of whole shapes. Kernels that are
interpreted pay for each program of their grid, so they meet few heads and short batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...adapters.takes import EVERYTHING, Takes
from .descriptors import one_of

__all__ = ["BUDGETS", "Pool", "Shape", "pool_for"]

TILES = (16, 32, 64, 128)
"""Tile sizes of kernels, in keys or queries."""

PRIMES = (7, 11, 13, 19, 23, 29, 37, 41, 43, 53, 59, 61)
"""Lengths of which a run takes a few, chosen by its seed."""

Shape = tuple[int, int, int, int, int, int, int]
"""b, hq, hkv, sq, sk, d, dv."""


@dataclass(frozen=True)
class Pool:
    """Sizes to draw from, simplest first, where a repeated size is drawn more often.

    batches: B. heads: (Hq, Hkv). lengths: Sq and Sk. widths: D, and Dv where it differs.
    cap: the largest B·Hq·Sq·Sk of a drawn problem; work: the largest B·Hq·Sq·Sk·D. Sizes that a law gives may exceed both.
    shapes: whole shapes, or None; where they are given, a problem has one of them unless a law gives sizes.
    takes: what the implementation takes; nothing else is drawn.
    """

    batches: tuple[int, ...]
    heads: tuple[tuple[int, int], ...]
    lengths: tuple[int, ...]
    widths: tuple[int, ...]
    cap: int
    work: int
    shapes: tuple[Shape, ...] | None = None
    takes: Takes = EVERYTHING


HEADS = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 3), (6, 1), (6, 2), (6, 3), (6, 6), (7, 1), (12, 4), (12, 12))
"""Ratios Hq / Hkv of 1, 2, 3, 7 and Hq; head counts that are powers of two are the exception."""

MANY_HEADS = ((14, 2), (16, 16), (24, 8), (32, 4), (40, 40), (64, 8), (128, 1))
WIDTHS = (1, 8, 8, 16, 16, 40, 64, 64, 80, 96, 128)

BUDGETS = {
    "quick": {"tiles": 3, "primes": 2, "cap": 12_000, "work": 600_000, "shapes": 3},
    "standard": {"tiles": 4, "primes": 4, "cap": 16_000, "work": 800_000, "shapes": 3},
    "deep": {"tiles": 4, "primes": 8, "cap": 800_000, "work": 32_000_000, "shapes": 13},
    "long": {"tiles": 4, "primes": 12, "cap": 1_600_000, "work": 64_000_000, "shapes": 17},
}
"""What each budget may spend: tile sizes and primes among the lengths, cost of one problem, whole shapes where compiling."""


FEW_HEADS = ((1, 1), (1, 1), (2, 1), (2, 2), (3, 1), (4, 2))
SMALL, WHOLE = 8, 3
"""By how much less an interpreted problem may cost, and by how much more one of the few whole shapes may."""


def pool_for(budget: str, compiled: bool, seed: int, small: bool = False, takes: Takes = EVERYTHING) -> Pool:
    """The sizes of one run, the same for the same seed. Raises StructureError for an unknown budget.

    compiled: only whole shapes. small: few heads, and a fraction of the cost. takes: what the implementation takes.
    """
    spend = BUDGETS[one_of(budget, BUDGETS, "budget")]
    rng = np.random.default_rng([seed, 0])
    primes = [int(p) for p in rng.choice(PRIMES, spend["primes"], replace=False)]
    large = budget in ("deep", "long")
    tiles = (*TILES, 256, 512) if large else TILES[: spend["tiles"]]
    edges = [length for t in tiles for length in (t - 1, t, t + 1, 2 * t + 1)]
    lengths = sorted([1, 1, 2, 3, 5, *primes, *set(edges), *((2049, 4097) if budget == "long" else ())])
    return Pool(
        batches=(1, 1, 2) if small else (1, 1, 2, 3, 5),
        heads=FEW_HEADS if small else HEADS + MANY_HEADS if large else HEADS,
        lengths=tuple(lengths),
        widths=WIDTHS,
        cap=spend["cap"] // SMALL if small else spend["cap"] * WHOLE if compiled else spend["cap"],
        work=spend["work"] * WHOLE if compiled else spend["work"],
        shapes=_shapes(spend["shapes"], primes, rng) if compiled else None,
        takes=takes,
    )


def _shapes(count: int, primes: list[int], rng: np.random.Generator) -> tuple[Shape, ...]:
    """Whole shapes: the first three hold Sq < Sk, Sq > Sk, Sq = Sk, grouped heads, Dv ≠ D and a length past a tile edge.

    The eighth is for kernels that take only whole blocks: two of 128 keys.
    """
    t, s = (int(x) for x in rng.choice(TILES[:3], 2, replace=False))
    p, r = primes[0], primes[1]
    made: list[Shape] = [
        (1, 1, 1, 2, 3, 8, 8),
        (1, 6, 2, 2 * s + 1, r, 64, 40),
        (2, 3, 1, t + 1, t + 1, 16, 16),
        (3, 2, 2, p, t, 8, 8),
        (2, 12, 4, 1, 2 * t + 1, 64, 64),
        (1, 3, 3, s + 1, s + 1, 80, 80),
        (5, 2, 1, 3, s - 1, 40, 16),
        (1, 2, 2, 32, 256, 16, 16),
        (1, 7, 1, 129, p, 16, 16),
        (2, 6, 6, r, 127, 96, 96),
        (1, 1, 1, 257, 257, 128, 128),
        (1, 40, 8, t + 1, s, 16, 16),
        (3, 1, 1, 1, 513, 128, 64),
        (1, 128, 1, 2, 65, 8, 8),
        (2, 16, 16, 33, 129, 40, 40),
        (1, 2, 1, 511, 129, 64, 64),
        (1, 1, 1, 128, 1025, 64, 64),
    ]
    return tuple(made[:count])
