"""`triton/split-kv`: keys are split among programs, so that a single query keeps a whole device busy; parts are then merged.

`split_parts` has the grid (tiles of pairs, tiles of rows, splits) and writes normalised parts in float32 with their logsumexp;
`merge_parts` has the grid (tiles of rows of all heads) and weighs each part by exp of its logsumexp, the sink among them.
Source: Dao et al., Flash-Decoding for long-context inference (2023).
"""

from __future__ import annotations

import triton
import triton.language as tl

from .online import LOWEST, attend, quotient
from .precision import stored
from .scores import key_range, keys_of
from .tiles import columns_of, pairs, rows_at

__all__ = ["merge_parts", "split_parts"]


@triton.jit
def split_parts(  # type: ignore[no-untyped-def]
    q, k, v, parts, lses, sizes, rules, split,
    BLOCK_P: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """One split of `split` keys (a multiple of BLOCK_N) for a tile of rows.

    parts: (splits, B, Hq, Sq, Dv) and lses: (splits, B, Hq, Sq), float32 and contiguous. A part that sees no key has lse −∞.
    """
    pair, paired = pairs(sizes, BLOCK_P)
    b, kv = pair // sizes.kv_heads, pair % sizes.kv_heads
    start = tl.program_id(1).to(tl.int64) * BLOCK_M
    i, own, inside = rows_at(start, sizes, BLOCK_M)
    h = kv * sizes.group + own
    end = keys_of(b, sizes, rules)
    offset = end - sizes.queries
    first, last = key_range(start, offset, end, sizes, rules, BLOCK_M, BLOCK_N)
    mine = tl.program_id(2).to(tl.int64) * split
    top = tl.full([BLOCK_P, BLOCK_M, 1], LOWEST, tl.float32)
    total = tl.full([BLOCK_P, BLOCK_M, 1], 0.0, tl.float32)
    sums, top, total = attend(
        q, k, v, b, kv, i, h, offset, tl.maximum(first, mine), tl.minimum(last, mine + split), end, top, total, sizes, rules,
        BLOCK_P, BLOCK_M, BLOCK_N, BLOCK_D, BLOCK_V,
    )  # fmt: skip
    columns, exist = columns_of(sizes.value_features, BLOCK_V)
    inside = inside & paired
    row = ((tl.program_id(2).to(tl.int64) * sizes.pairs + pair) * sizes.group + own) * sizes.queries + i
    tl.store(parts + row * sizes.value_features + columns, quotient(sums, total), mask=inside & exist)
    tl.store(lses + row, top + tl.log(total), mask=inside)


@triton.jit
def merge_parts(  # type: ignore[no-untyped-def]
    parts, lses, out, lse, sizes, rules, splits, rows,
    BLOCK_M: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """out (B, Hq, Sq, Dv) and lse (B, Hq, Sq), both contiguous, from the parts. rows: B · Hq · Sq."""
    r = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    inside = r < rows
    r = tl.where(inside, r, 0)
    columns = tl.arange(0, BLOCK_V).to(tl.int64)[None, :]
    exist = columns < sizes.value_features
    top = tl.full([BLOCK_M, 1], LOWEST, tl.float32)
    total = tl.full([BLOCK_M, 1], 0.0, tl.float32)
    if rules.sinks is not None:
        h = r // sizes.queries % (sizes.kv_heads * sizes.group)
        top = tl.load(rules.sinks.at + h * rules.sinks.step)
        total += 1.0
    sums = tl.full([BLOCK_M, BLOCK_V], 0.0, tl.float32)
    for part in range(splits):
        row = r + part * rows
        size = tl.load(lses + row)
        higher = tl.maximum(top, size)
        rescale, weight = tl.exp(top - higher), tl.exp(size - higher)
        total = total * rescale + weight
        value = tl.load(parts + row * sizes.value_features + columns, mask=exist, other=0.0)
        sums = sums * rescale + value * weight
        top = higher
    tl.store(out + r * sizes.value_features + columns, stored(quotient(sums, total), out.dtype.element_ty), mask=inside & exist)
    if lse is not None:
        tl.store(lse + r, top + tl.log(total), mask=inside)
