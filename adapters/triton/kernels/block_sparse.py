"""`triton/block-sparse`: each program takes a tile of queries through the tiles of keys that are listed for it, and no others.

Grid: (tiles of pairs, tiles of rows). A pair is a batch entry and a query head, as each head has lists of its own; a row is
a query. Compiled, a program has one pair; interpreted, several, each with its own list, and all go on as long as the longest.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.standard import _elementwise_max

from .mode import device
from .online import LOWEST, quotient
from .precision import rounded, stored
from .tiles import columns_of, pairs, row_max, row_sum, rows_at, tile, turned

__all__ = ["block_sparse_forward"]


@triton.jit
def block_sparse_forward(  # type: ignore[no-untyped-def]
    q, k, v, out, lse, lists, sizes, rules,
    BLOCK_P: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """A tile of rows of out (B, Hq, Sq, Dv) and of lse (B, Hq, Sq), float32 and natural; both contiguous."""
    pair, paired = pairs(sizes, BLOCK_P)
    b, h = pair // sizes.kv_heads, pair % sizes.kv_heads
    kv = h // rules.group
    start = tl.program_id(1).to(tl.int64) * BLOCK_M
    i, _, inside = rows_at(start, sizes, BLOCK_M)
    features, real = columns_of(sizes.features, BLOCK_D)
    values, true = columns_of(sizes.value_features, BLOCK_V)
    query = tile(q, b, h, i, features, real)
    own = b * lists.batch + h * lists.head + tl.program_id(1) * lists.row
    count = tl.load(lists.counts + own).to(tl.int64)
    top = tl.full([BLOCK_P, BLOCK_M, 1], LOWEST, tl.float32)
    total = tl.full([BLOCK_P, BLOCK_M, 1], 0.0, tl.float32)
    sums = tl.full([BLOCK_P, BLOCK_M, BLOCK_V], 0.0, tl.float32)
    for n in range(tl.reduce(count, None, _elementwise_max)):
        listed = n < count
        first = tl.where(listed, tl.load(lists.tiles + own * lists.width + n), 0).to(tl.int64) * BLOCK_N
        j = first + tl.arange(0, BLOCK_N).to(tl.int64)[None, None, :]
        seen = tl.minimum(first + tl.arange(0, BLOCK_N).to(tl.int64)[None, :, None], sizes.keys - 1)
        key = tile(k, b, kv, seen, features, real)
        product = tl.dot(query, turned(key), input_precision="ieee")
        scores = tl.where(listed & kept(b, h, i, j, sizes, rules), product * rules.scale, float("-inf"))
        higher = tl.maximum(top, row_max(scores))
        weights = tl.exp(scores - higher)
        rescale = tl.exp(top - higher)
        total = total * rescale + row_sum(weights)
        value = tile(v, b, kv, seen, values, true)
        sums = sums * rescale + tl.dot(rounded(weights, q.at.dtype.element_ty), value, input_precision="ieee")
        top = higher
    inside = inside & paired
    row = pair * sizes.queries + i
    tl.store(
        out + row * sizes.value_features + values, stored(quotient(sums, total), q.at.dtype.element_ty), mask=inside & true
    )
    if lse is not None:
        tl.store(lse + row, top + tl.log(total), mask=inside)


@device
def kept(b, h, i, j, sizes, rules):  # type: ignore[no-untyped-def]
    """Whether query i keeps key j, (P, M, N): near or global, in a kept block, and allowed by causality."""
    behind = i + (sizes.keys - sizes.queries) - j
    near = j < sizes.keys
    if rules.left is not None:
        near = near & (behind <= rules.left)
    if rules.right is not None:
        near = near & (behind >= -rules.right)
    if rules.dilation is not None:
        near = near & (behind % rules.dilation == 0)
    if rules.tokens is not None:
        position = i + (sizes.keys - sizes.queries)
        near = near | (((position >= 0) & (position < rules.tokens)) | (j < rules.tokens))
    near = near & (j < sizes.keys)
    if rules.causal is not None:
        near = near & (behind >= 0)
    if rules.blocks is not None:
        column = tl.minimum(j, sizes.keys - 1) // rules.block_size
        row = b * rules.blocks.batch + h * rules.blocks.head + i // rules.block_size * rules.blocks.row
        near = near & tl.load(rules.blocks.at + row + column * rules.blocks.column)
    return near
