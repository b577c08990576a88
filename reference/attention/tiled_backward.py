"""The backward pass by blocks, as FlashAttention-2 does it: the second definition, which shares no code with `gradients`.

Weights are not kept but computed again from the logsumexp, block by block of keys and of queries, and dq, dk and dv are
gathered on the way. Everything about masks, offsets, heads and scores comes from the tiled definition.

Source: Dao 2023 (FlashAttention-2), algorithm 2; Dao et al. 2022 (FlashAttention), appendix B.4 for dropout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import real
from .checks import check
from .options import Options
from .tiled import heads
from .tiled_head import TILED_STEPS, Head, attend_head, columns_of, load, scores_of, seen_in

__all__ = ["tiled_backward"]

Array = NDArray[Any]
Three = tuple[Array, Array, Array]


def tiled_backward(dout: Any, q: Any, k: Any, v: Any, *, key_tile: int = 16, query_tile: int = 16, **options: Any) -> Three:
    """(dq, dk, dv), float64 in the shapes of q, k and v, of the same call as `gradients.gradients`.

    key_tile, query_tile: keys and queries of one block. Raises ValueError as `attention` does, and for the empty rows
    `unmasked`, of which only `gradients.gradients` knows.
    """
    given = Options(**options)
    if given.empty_rows == "unmasked":
        raise ValueError("empty_rows='unmasked' has no tiled backward pass; use gradients.gradients")
    sizes = check(q, k, v, given, None)
    upstream = real("dout", dout)
    dq, dk, dv = (np.zeros(np.shape(x)) for x in (q, k, v))
    for batch, head, one in heads(q, k, v, sizes, np.arange(sizes.sq), sizes.sk + key_tile, given):
        shared = head * sizes.hkv // sizes.hq
        with np.errstate(all="ignore"):
            parts = _Pass(one, upstream[batch, head], key_tile, query_tile).run(given.empty_rows)
        factors = (x[batch][shared] if x is not None else 1.0 for x in (given.q_descale, given.k_descale, given.v_descale))
        for total, part, factor in zip((dq[batch, head], dk[batch, shared], dv[batch, shared]), parts, factors, strict=True):
            total += part * float(factor)
    return dq, dk, dv


@dataclass
class _Pass:
    """One head's backward pass. dout: (Sq, Dv)."""

    head: Head
    dout: Array
    key_tile: int
    query_tile: int

    def run(self, empty_rows: str) -> Three:
        """dq (Sq, D), dk (Sk, D), dv (Sk, Dv)."""
        out, lse = attend_head(self.head, self.key_tile, 1, TILED_STEPS)
        reached = np.isfinite(lse) | np.isnan(lse) | (lse == np.inf)
        inner = (self.dout * out).sum(axis=1)
        dq, dk, dv = (np.zeros(x.shape) for x in (self.head.q, self.head.k, self.head.v))
        for begin in range(0, len(self.head.k), self.key_tile):
            columns = np.arange(begin, begin + self.key_tile)
            stop = min(begin + self.key_tile, len(self.head.k))
            for rows in self._rows():
                more = self._block(rows, columns, lse[rows], inner[rows], reached[rows])
                dq[rows] += more[0]
                dk[begin:stop] += more[1][: stop - begin]
                dv[begin:stop] += more[2][: stop - begin]
        for row in np.flatnonzero(~reached):
            if empty_rows == "nan" and len(dv):
                dq[row], dk[:], dv[:] = np.nan, np.nan, np.nan
            elif empty_rows == "mean" and len(dv):
                dv += self.dout[row] / len(dv)
        return dq, dk, dv

    def _rows(self) -> Iterator[slice]:
        for begin in range(0, len(self.head.q), self.query_tile):
            yield slice(begin, begin + self.query_tile)

    def _block(self, rows: slice, columns: Array, lse: Array, inner: Array, reached: Array) -> Three:
        """What a block of queries and keys adds to dq, dk and dv (algorithm 2, lines 11 to 16)."""
        part = _of_rows(self.head, rows)
        seen = seen_in(part, columns) & (columns < part.length) & reached[:, None]
        odds = np.where(seen, np.exp(scores_of(part, columns) - np.where(reached, lse, 0.0)[:, None]), 0.0)
        keep = np.ones_like(odds) if part.keep is None else columns_of(part.keep, columns)
        busy, used = seen.any(axis=1, keepdims=True), seen.any(axis=0, keepdims=True).T
        slope, query = np.where(busy, self.dout[rows], 0.0), np.where(busy, part.q, 0.0)
        key, value = (np.where(used, load(x, columns), 0.0) for x in (part.k, part.v))
        grown = np.where(seen, odds * ((slope @ value.T) * keep - inner[:, None]), 0.0)
        if part.softcap is not None:
            raw = part.scale * np.einsum("rd,td->rt", query, key)
            grown = grown / np.cosh(raw / part.softcap) ** 2
        return part.scale * (grown @ key), part.scale * (grown.T @ query), (odds * keep).T @ slope


def _of_rows(head: Head, rows: slice) -> Head:
    """The same head for some of its query rows."""
    by_row = ("q", "positions", "first", "end", "mask", "bias", "q_segments", "keep")
    return replace(head, **{name: getattr(head, name)[rows] for name in by_row if getattr(head, name) is not None})
