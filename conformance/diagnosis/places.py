"""Names of places: sets of rows, heads and batch entries of one problem, and properties of a whole problem, in words.

A list of wrong indices tells less than what the indices have in common. Each place below is where real mistakes live: edges of
tiles, tails, groups of heads, rows that see nothing. A place is a function of the problem alone, so the same words can be
held against several problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..meaning import attended
from ..operations import operation_named
from ..problems.option import in_words
from ..problems.problem import Problem

__all__ = ["features", "problems", "rows"]

Flags = NDArray[np.bool_]

TILES = (16, 32, 64, 128)
"""Tile sizes of kernels."""


def problems(p: Problem) -> dict[str, bool]:
    """What is said of a whole problem: `with a mask`, `with more keys than 16`, and whether it is so."""
    operation = operation_named(p.operation)
    said = {f"with {words}": name in p.options for name, words in in_words(operation.options).items()}
    if not operation.of_heads:
        return {**said, "in other memory than contiguous": p.memory != "contiguous"}
    said |= {
        "with grouped heads": p.hq > p.hkv,
        "with more than one key head": p.hkv > 1,
        "with grouped heads and more than one key head": p.hq > p.hkv > 1,
        "with more than one batch entry": p.b > 1,
        "with more than one head": p.hq > 1,
        "with more value features than key features": p.dv > p.d,
        "with other numbers of value features and key features": p.dv != p.d,
        "with more keys than queries": p.sk > p.sq,
        "with more queries than keys": p.sq > p.sk,
        "with other numbers of queries and keys": p.sq != p.sk,
        "in other memory than contiguous": p.memory != "contiguous",
        "without keys": p.sk == 0,
    }
    for tile in TILES:
        said[f"with more than {tile} keys"] = p.sk > tile
        said[f"with more than {tile} queries"] = p.sq > tile
        said[f"with a number of keys that is no multiple of {tile}"] = p.sk % tile > 0
    return said


def rows(p: Problem) -> Iterator[tuple[str, Callable[[], Flags]]]:
    """Sets of rows, each as words and bool (B, Hq, Sq), the simplest words first."""
    shape = (p.b, p.hq, p.sq)
    seen: Any = attended(p).visible
    entry, head, row = np.indices(shape)
    group = p.hq // p.hkv
    yield "rows that see no key", lambda: ~seen.any(-1)
    yield "rows that see a single key", lambda: seen.sum(-1) == 1
    yield "rows that see a key", lambda: seen.any(-1)
    yield "rows from which a key is hidden", lambda: ~seen.all(-1)
    yield "rows that see a key and have hidden ones", lambda: seen.any(-1) & ~seen.all(-1)
    yield "rows that see more than one key", lambda: seen.sum(-1) > 1
    yield "the first row", lambda: row == 0
    yield "the last row", lambda: row == p.sq - 1
    yield "all rows but the first", lambda: row > 0
    yield "all rows but the last", lambda: row < p.sq - 1
    yield "the first batch entry", lambda: entry == 0
    yield "the second batch entry", lambda: entry == 1
    yield "the last batch entry", lambda: entry == p.b - 1
    yield "batch entries after the first", lambda: entry > 0
    yield "the first head", lambda: head == 0
    yield "the second head", lambda: head == 1
    yield "the last head", lambda: head == p.hq - 1
    yield "heads after the first", lambda: head > 0
    yield "every second head, from head 1 on", lambda: head % 2 == 1
    yield "heads that are not the first of their group", lambda: head % group > 0
    yield "heads of key heads after the first", lambda: head // group > 0
    if p.sk:
        yield "rows that see the first key", lambda: seen[..., 0]
        yield "rows that see the last key", lambda: seen[..., -1]
        yield "rows that do not see the last key", lambda: ~seen[..., -1]
    for tile in TILES:
        yield f"rows from {tile} on", _bind(lambda t: row >= t, tile)
        yield f"rows of the last, partial tile of {tile}", _bind(lambda t: row >= p.sq // t * t, tile)
        yield f"rows that see a key from key {tile} on", _bind(lambda t: seen[..., t:].any(-1), tile)


def features(p: Problem) -> Iterator[tuple[str, Flags]]:
    """Sets of value features, each as words and bool (Dv,)."""
    feature = np.arange(p.dv)
    yield "value features past the number of key features", feature >= p.d
    yield "the first value feature", feature == 0
    yield "the last value feature", feature == p.dv - 1
    yield "every second value feature, from feature 1 on", feature % 2 == 1
    for tile in TILES:
        yield f"value features from {tile} on", feature >= tile


def _bind(function: Callable[[int], Any], tile: int) -> Callable[[], Flags]:
    return lambda: np.asarray(function(tile))
