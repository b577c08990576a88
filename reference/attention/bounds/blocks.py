"""A call cut into blocks of query rows, for bounds that are computed a few rows at a time.

No bound of a row needs another row. Arrays of (rows, keys) that fit into the cache cost a fraction of whole ones, which each
pass would fetch from memory anew, and the system would have to find pages for again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..inputs import Inputs
from ..textbook import Attended

__all__ = ["blocks"]

ENTRIES = 1 << 18
"""Scores of one block, about: 2 MiB an array."""
FEWEST = 32
"""Rows of one block at least, so that its products with V stay products of matrices."""

KEPT = 24 << 20
"""Bytes, below 32 MiB. An array of this size that is let go untouched costs nothing, and from then on glibc keeps up to twice
as much freed memory for the arrays to come, where it would give each of them back and ask for it again, page by page."""


def blocks(given: Inputs, attended: Attended) -> Iterator[tuple[Inputs, Attended]]:
    """The same call for some rows after others, in order; the call itself where it is small. Nothing is copied."""
    np.empty(KEPT, dtype=np.uint8)
    batch, heads, rows, keys = attended.scores.shape
    step = max(FEWEST, ENTRIES // max(1, batch * heads * keys))
    if rows <= step:
        yield given, attended
        return
    for start in range(0, rows, step):
        yield _rows(given, attended, slice(start, start + step))


def _rows(given: Inputs, attended: Attended, at: slice) -> tuple[Inputs, Attended]:
    def cut(name: str) -> object:
        whole = getattr(given, name)
        return None if whole is None else whole[:, :, at]

    by_row = {name: cut(name) for name in ("q", "mask", "bias", "q_segments", "dropout_keep")}
    parts = (attended.out, attended.lse, attended.weights, attended.scores, attended.visible)
    return replace(given, rows=given.rows[at], **by_row), Attended(*(whole[:, :, at] for whole in parts))  # type: ignore[arg-type]
