"""Masks and biases by pattern, in any shape that broadcasts to the scores.

A mask of independent coin flips never empties a row, never hides a whole tile and never leaves only the tail; the mistakes
sit there. Each pattern aims at one of these. Only `empty-rows` hides every key of a row on purpose; the others leave each
row of the mask a key, so that a row without keys comes from one option or from two that meet, never by accident.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...problems.dtypes import rounded
from ..over_heads.distributions import TILE

__all__ = ["AXES", "BIASES", "MASKS", "draw_bias", "draw_mask", "is_shape_code", "shape_of"]

AXES = "bhqk"
"""Letters of the axes of the scores: batch, query head, query, key."""

Bools = NDArray[np.bool_]
Shape = tuple[int, ...]


def is_shape_code(code: str) -> bool:
    """Whether a code names a shape: one letter an axis, aligned to the right, its own letter or 1 (`bhqk`, `11qk`, `qk`)."""
    return 1 <= len(code) <= 4 and all(c in ("1", axis) for c, axis in zip(code, AXES[-len(code) :], strict=True))


def shape_of(code: str, scores: Shape) -> Shape:
    """The shape that a code names, for scores of shape (B, Hq, Sq, Sk)."""
    return tuple(1 if c == "1" else size for c, size in zip(code, scores[-len(code) :], strict=True))


def draw_mask(pattern: str, code: str, scores: Shape, rng: np.random.Generator) -> Bools:
    """A mask, True where a query attends, of the coded shape. Raises KeyError for an unknown pattern."""
    mask: Bools = _drawn(MASKS[pattern], code, scores, rng).astype(bool)
    return mask


def draw_bias(pattern: str, code: str, scores: Shape, dtype: str, rng: np.random.Generator) -> NDArray[Any]:
    """A finite bias in the dtype, of the coded shape. Raises KeyError for an unknown pattern."""
    return rounded(_drawn(BIASES[pattern], code, scores, rng), dtype)


def _drawn(pattern: Callable[[np.random.Generator, Shape], Any], code: str, scores: Shape, rng: np.random.Generator) -> Any:
    shape = shape_of(code, scores)
    full = (1,) * (4 - len(shape)) + shape
    made = pattern(rng, full) if 0 not in full else np.zeros(full)
    return np.ascontiguousarray(np.broadcast_to(made, full)).reshape(shape)


def full(rng: np.random.Generator, shape: Shape) -> Bools:
    """Hides nothing: the answer is that without a mask."""
    return np.ones(shape, dtype=bool)


def random(rng: np.random.Generator, shape: Shape) -> Bools:
    """Each key is visible with probability 0.6."""
    return _with_a_key(rng, rng.random(shape) < 0.6)


def sparse(rng: np.random.Generator, shape: Shape) -> Bools:
    """One or two keys are visible in each row."""
    return _with_a_key(rng, _with_a_key(rng, np.zeros(shape, dtype=bool)), always=True)


def empty_rows(rng: np.random.Generator, shape: Shape) -> Bools:
    """Like random, but about a third of the rows, and at least one, see nothing."""
    rows = _some_rows(rng, shape, 1 / 3)
    return random(rng, shape) & ~rows


def first_tile(rng: np.random.Generator, shape: Shape) -> Bools:
    """The first 16 keys (all but the last, where there are fewer) are hidden from about half of the rows, at least one."""
    hidden = np.arange(shape[-1]) < min(TILE, shape[-1] - 1)
    return ~(_some_rows(rng, shape, 1 / 2) & hidden)


def last_keys(rng: np.random.Generator, shape: Shape) -> Bools:
    """Only the last one to three keys are visible."""
    count = rng.integers(1, 4, (*shape[:-1], 1))
    return np.arange(shape[-1]) >= shape[-1] - count


def checkerboard(rng: np.random.Generator, shape: Shape) -> Bools:
    """Query i sees key j where i + j is even (where there is one key, it is visible)."""
    even = (np.arange(shape[-2])[:, None] + np.arange(shape[-1])) % 2 == 0
    return np.broadcast_to(even | (shape[-1] == 1), shape)


def banded(rng: np.random.Generator, shape: Shape) -> Bools:
    """A band of a third of the keys that moves one key a row and wraps around, at a random start in each head."""
    start = rng.integers(0, shape[-1], (*shape[:-2], 1, 1))
    distance = (np.arange(shape[-1]) - np.arange(shape[-2])[:, None] - start) % shape[-1]
    return distance < max(1, shape[-1] // 3)


def _with_a_key(rng: np.random.Generator, mask: Bools, always: bool = False) -> Bools:
    """The mask with one random key made visible in rows that see none, or in all rows."""
    place = rng.integers(0, mask.shape[-1], (*mask.shape[:-1], 1))
    needs = True if always else ~mask.any(axis=-1, keepdims=True)
    seen: Bools = mask | ((np.arange(mask.shape[-1]) == place) & needs)
    return seen


def _some_rows(rng: np.random.Generator, shape: Shape, share: float) -> Bools:
    """(…, 1) True for a share of the rows, and for at least one."""
    rows = rng.random((*shape[:-1], 1)) < share
    rows.flat[rng.integers(0, rows.size)] = True
    return rows


MASKS: dict[str, Callable[[np.random.Generator, Shape], Bools]] = {
    "full": full,
    "random": random,
    "sparse": sparse,
    "empty-rows": empty_rows,
    "first-tile": first_tile,
    "last-keys": last_keys,
    "checkerboard": checkerboard,
    "banded": banded,
}
"""Mask patterns, simplest first."""


def bias_zeros(rng: np.random.Generator, shape: Shape) -> NDArray[Any]:
    """Adds nothing."""
    return np.zeros(shape)


def bias_normal(rng: np.random.Generator, shape: Shape) -> NDArray[Any]:
    """Normal entries of σ = 1, as large as ordinary scores."""
    return rng.standard_normal(shape)


def bias_large(rng: np.random.Generator, shape: Shape) -> NDArray[Any]:
    """Between −30 and 30: the bias decides which key wins."""
    return rng.uniform(-30, 30, shape)


def bias_ramp(rng: np.random.Generator, shape: Shape) -> NDArray[Any]:
    """Falls by 1/8 a key away from the last one, half as steep in each next head: a position bias, exact in small sizes."""
    slope = 2.0 ** -(np.arange(shape[1]) % 4 + 3.0)[:, None, None]
    return np.broadcast_to(slope * (np.arange(shape[-1]) - (shape[-1] - 1.0)), shape)


def bias_masked(rng: np.random.Generator, shape: Shape) -> NDArray[Any]:
    """The habit of masking by a large negative number: −1e4 at about 40 % of the keys, σ = 1 elsewhere."""
    return np.where(random(rng, shape), rng.standard_normal(shape), -1e4)


BIASES: dict[str, Callable[[np.random.Generator, Shape], NDArray[Any]]] = {
    "zeros": bias_zeros,
    "normal": bias_normal,
    "large": bias_large,
    "ramp": bias_ramp,
    "masked": bias_masked,
}
"""Bias patterns, simplest first. All are finite: −inf is a mask, and has the mask's conventions."""
