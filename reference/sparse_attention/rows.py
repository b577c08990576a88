"""The second definition of the sparse pattern: for each query the list of keys that it keeps, made with `range` and sets.

It shares nothing with `definition.pattern` but the words of the spec; tests hold the two against each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["kept_keys"]


def kept_keys(row: int, head: int, entry: int, sq: int, sk: int, options: dict[str, Any]) -> list[int]:
    """The keys that query `row` of one head and batch entry keeps, ascending. options: as `definition.pattern` takes them."""
    position = row + (sk - sq if options.get("causal_alignment") == "bottom-right" else 0)
    keys = set(_local(position, sk, options))
    tokens = set(range(options.get("global_tokens") or 0))
    keys |= set(range(sk)) if position in tokens else tokens & set(range(sk))
    if options.get("block_mask") is not None:
        keys &= set(_in_blocks(row, head, entry, sk, options))
    if options.get("causal"):
        keys &= set(range(position + 1))
    return sorted(keys)


def _local(position: int, sk: int, options: dict[str, Any]) -> list[int]:
    """Steps to the left and to the right of the position, as far as the window goes."""
    left, right = options.get("window") or (None, None)
    step = options.get("dilation") or 1
    lowest = 0 if left is None else max(0, position - left)
    highest = sk - 1 if right is None else min(sk - 1, position + right)
    behind = range(position, lowest - 1, -step)
    ahead = range(position, highest + 1, step)
    return [key for key in {*behind, *ahead} if lowest <= key <= highest]


def _in_blocks(row: int, head: int, entry: int, sk: int, options: dict[str, Any]) -> list[int]:
    """The keys of the blocks that are kept for the block row of this query."""
    table, size = np.asarray(options["block_mask"]), options["block_size"]
    line = table[entry if table.shape[0] > 1 else 0][head if table.shape[1] > 1 else 0][row // size]
    return [key for block, kept in enumerate(line) if kept for key in range(block * size, min(sk, (block + 1) * size))]
