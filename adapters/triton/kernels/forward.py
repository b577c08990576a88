"""`triton/flash`: each program takes a tile of rows through all keys that it may see.

Grid: (tiles of pairs, tiles of rows).
"""

from __future__ import annotations

import triton
import triton.language as tl

from .online import LOWEST, attend, quotient
from .precision import stored
from .scores import key_range, keys_of
from .tiles import columns_of, pairs, rows_at

__all__ = ["flash_forward"]


@triton.jit
def flash_forward(  # type: ignore[no-untyped-def]
    q, k, v, out, lse, sizes, rules,
    BLOCK_P: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """A tile of rows of out (B, Hq, Sq, Dv) and of lse (B, Hq, Sq), float32 and natural; both contiguous."""
    pair, paired = pairs(sizes, BLOCK_P)
    b, kv = pair // sizes.kv_heads, pair % sizes.kv_heads
    start = tl.program_id(1).to(tl.int64) * BLOCK_M
    i, own, inside = rows_at(start, sizes, BLOCK_M)
    h = kv * sizes.group + own
    end = keys_of(b, sizes, rules)
    offset = end - sizes.queries
    first, last = key_range(start, offset, end, sizes, rules, BLOCK_M, BLOCK_N)
    top = tl.full([BLOCK_P, BLOCK_M, 1], LOWEST, tl.float32)
    total = tl.full([BLOCK_P, BLOCK_M, 1], 0.0, tl.float32)
    if rules.sinks is not None:  # A sink is a key that was seen before the first tile, and whose value is 0.
        top = tl.load(rules.sinks.at + h * rules.sinks.step)
        total += 1.0
    sums, top, total = attend(
        q, k, v, b, kv, i, h, offset, first, last, end, top, total, sizes, rules,
        BLOCK_P, BLOCK_M, BLOCK_N, BLOCK_D, BLOCK_V,
    )  # fmt: skip
    columns, exist = columns_of(sizes.value_features, BLOCK_V)
    inside = inside & paired
    row = (pair * sizes.group + own) * sizes.queries + i
    tl.store(
        out + row * sizes.value_features + columns, stored(quotient(sums, total), q.at.dtype.element_ty), mask=inside & exist
    )
    if lse is not None:
        tl.store(lse + row, top + tl.log(total), mask=inside)
