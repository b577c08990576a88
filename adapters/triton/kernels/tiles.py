"""Which rows and pairs a program has, and how it reads and writes tiles of arrays.

Rows and pairs past the end are the first ones, read again, and stores leave them out. Keys past the end are the last one, read
again, and scores hide them. So nothing past the end of an array, or of a sequence, is ever read.
"""

from __future__ import annotations

import triton.language as tl
from triton.language.standard import _elementwise_max, _sum_combine

from .mode import device
from .precision import operand

__all__ = ["columns_of", "keys_at", "of_keys", "pairs", "row_max", "row_sum", "rows_at", "tile", "turned"]


@device
def pairs(sizes, BLOCK_P: tl.constexpr):  # type: ignore[no-untyped-def]
    """The pairs of this program, and whether they exist: (P, 1, 1) each."""
    pair = tl.program_id(0).to(tl.int64) * BLOCK_P + tl.arange(0, BLOCK_P)[:, None, None]
    exists = pair < sizes.pairs
    return tl.where(exists, pair, 0), exists


@device
def rows_at(start, sizes, BLOCK_M: tl.constexpr):  # type: ignore[no-untyped-def]
    """Query and head in its group of BLOCK_M rows from `start`, and whether they exist: (1, M, 1) each."""
    r = start + tl.arange(0, BLOCK_M).to(tl.int64)[None, :, None]
    exists = r < sizes.rows
    r = tl.where(exists, r, 0)
    return r // sizes.group, r % sizes.group, exists


@device
def keys_at(start, end, BLOCK_N: tl.constexpr):  # type: ignore[no-untyped-def]
    """BLOCK_N keys from `start`: as columns (1, 1, N), and as rows (…, N, 1) that can be read where `of_keys` says so."""
    j = start + tl.arange(0, BLOCK_N).to(tl.int64)
    return j[None, None, :], tl.minimum(j[None, :, None], end - 1)


@device
def columns_of(count, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """BLOCK columns, and which of them exist: (1, 1, BLOCK) each."""
    columns = tl.arange(0, BLOCK).to(tl.int64)[None, None, :]
    return columns, columns < count


@device
def of_keys(exist, end, rules):  # type: ignore[no-untyped-def]
    """Columns to read of keys: none where an entry has no key, while another entry of the same program has some."""
    if rules.lengths is not None:
        exist = exist & (end > 0)
    return exist


@device
def tile(x, b, h, rows, columns, exist):  # type: ignore[no-untyped-def]
    """Rows of a Matrix as (P, rows, columns), with zeros where a column does not exist. The integer 0 is 0 in every dtype."""
    at = x.at + (b * x.batch + h * x.head + rows * x.row) + columns * x.column
    return operand(tl.load(at, mask=exist, other=0))


@device
def turned(x):  # type: ignore[no-untyped-def]
    """Each pair's matrix transposed."""
    return tl.permute(x, (0, 2, 1))


@device
def row_max(x):  # type: ignore[no-untyped-def]
    """Largest entry of each row: (P, M, 1)."""
    return tl.reduce(x, 2, _elementwise_max, keep_dims=True)


@device
def row_sum(x):  # type: ignore[no-untyped-def]
    """Sum of each row: (P, M, 1)."""
    return tl.reduce(x, 2, _sum_combine, keep_dims=True)
