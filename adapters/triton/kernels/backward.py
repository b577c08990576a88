"""Gradients of both: scores are computed again from the logsumexp, so that nothing of size Sq × Sk is kept.

`grad_query` has the grid (tiles of pairs, tiles of rows) and goes over keys; it also leaves δ = Σ dO·O of each row behind.
`grad_key_value` has the grid (tiles of pairs, tiles of keys) and goes over rows of all heads that share the key head, so that
their sum is accumulated in float32 and rounded once.
Weights and gradients of scores are rounded to the dtype of q before they meet another matrix.
Source: Dao, FlashAttention-2 (2023), algorithm 2.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .mode import device
from .precision import rounded, stored, widened
from .scores import cap_slope, key_range, keys_of, masked_scores, row_range
from .tiles import columns_of, keys_at, of_keys, pairs, row_sum, rows_at, tile, turned

__all__ = ["grad_key_value", "grad_query"]


@device
def weights_of(product, lse, b, h, i, j, offset, end, rules):  # type: ignore[no-untyped-def]
    """Normalised weights of a tile, 0 where hidden. A row that sees no key has lse −∞ and hides all of them."""
    scores = masked_scores(product, b, h, i, j, offset, end, rules)
    return tl.exp(scores - tl.where(lse == float("-inf"), 0.0, lse))


@device
def score_gradient(weights, dweights, delta, product, rules):  # type: ignore[no-untyped-def]
    """Gradient by scale·q·k: weights · (dP − δ), and through the softcap. Where nothing is seen nothing flows back."""
    gradient = tl.where(weights > 0, weights * (dweights - delta), 0.0)
    if rules.softcap is not None:
        gradient *= cap_slope(product, rules)
    return gradient


@triton.jit
def grad_query(  # type: ignore[no-untyped-def]
    q, k, v, out, lse, dout, dq, deltas, sizes, rules,
    BLOCK_P: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """dq (B, Hq, Sq, D) and δ (B, Hq, Sq) of a tile of rows. out, lse, dq and deltas are contiguous."""
    pair, paired = pairs(sizes, BLOCK_P)
    b, kv = pair // sizes.kv_heads, pair % sizes.kv_heads
    start = tl.program_id(1).to(tl.int64) * BLOCK_M
    i, own, inside = rows_at(start, sizes, BLOCK_M)
    inside = inside & paired
    h = kv * sizes.group + own
    end = keys_of(b, sizes, rules)
    offset = end - sizes.queries
    first, last = key_range(start, offset, end, sizes, rules, BLOCK_M, BLOCK_N)
    features, real = columns_of(sizes.features, BLOCK_D)
    values, true = columns_of(sizes.value_features, BLOCK_V)
    query = tile(q, b, h, i, features, real)
    slope = tile(dout, b, h, i, values, true)
    row = (pair * sizes.group + own) * sizes.queries + i
    delta = row_sum(widened(slope) * widened(tl.load(out + row * sizes.value_features + values, mask=true, other=0)))
    tl.store(deltas + row, delta, mask=inside)
    size = tl.load(lse + row)
    sums = tl.full([BLOCK_P, BLOCK_M, BLOCK_D], 0.0, tl.float32)
    for at in range(first, last, BLOCK_N):
        j, seen = keys_at(at, end, BLOCK_N)
        key = tile(k, b, kv, seen, features, of_keys(real, end, rules))
        product = tl.dot(query, turned(key), input_precision="ieee")
        weights = weights_of(product, size, b, h, i, j, offset, end, rules)
        value = tile(v, b, kv, seen, values, of_keys(true, end, rules))
        dweights = tl.dot(slope, turned(value), input_precision="ieee")
        gradient = score_gradient(weights, dweights, delta, product, rules)
        sums += tl.dot(rounded(gradient, q.at.dtype.element_ty), key, input_precision="ieee")
    tl.store(dq + row * sizes.features + features, stored(sums * rules.scale, q.at.dtype.element_ty), mask=inside & real)


@triton.jit
def grad_key_value(  # type: ignore[no-untyped-def]
    q, k, v, lse, dout, deltas, dk, dv, sizes, rules,
    BLOCK_P: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """dk (B, Hkv, Sk, D) and dv (B, Hkv, Sk, Dv) of a tile of keys, summed over the heads that share it; all contiguous."""
    pair, paired = pairs(sizes, BLOCK_P)
    b, kv = pair // sizes.kv_heads, pair % sizes.kv_heads
    start = tl.program_id(1).to(tl.int64) * BLOCK_N
    end = keys_of(b, sizes, rules)
    offset = end - sizes.queries
    first, last = row_range(start, offset, sizes, rules, BLOCK_M, BLOCK_N)
    features, real = columns_of(sizes.features, BLOCK_D)
    values, true = columns_of(sizes.value_features, BLOCK_V)
    j, seen = keys_at(start, end, BLOCK_N)
    key = tile(k, b, kv, seen, features, of_keys(real, end, rules))
    value = tile(v, b, kv, seen, values, of_keys(true, end, rules))
    key_sums = tl.full([BLOCK_P, BLOCK_N, BLOCK_D], 0.0, tl.float32)
    value_sums = tl.full([BLOCK_P, BLOCK_N, BLOCK_V], 0.0, tl.float32)
    for at in range(first, last, BLOCK_M):
        i, own, inside = rows_at(at, sizes, BLOCK_M)
        h = kv * sizes.group + own
        query = tile(q, b, h, i, features, real)
        slope = tile(dout, b, h, i, values, true)
        row = (pair * sizes.group + own) * sizes.queries + i
        product = tl.dot(query, turned(key), input_precision="ieee")
        weights = weights_of(product, tl.load(lse + row), b, h, i, j, offset, end, rules)
        weights = tl.where(inside, weights, 0.0)
        value_sums += tl.dot(turned(rounded(weights, q.at.dtype.element_ty)), slope, input_precision="ieee")
        dweights = tl.dot(slope, turned(value), input_precision="ieee")
        gradient = score_gradient(weights, dweights, tl.load(deltas + row), product, rules)
        key_sums += tl.dot(turned(rounded(gradient, q.at.dtype.element_ty)), query, input_precision="ieee")
    position = start + tl.arange(0, BLOCK_N).to(tl.int64)[None, :, None]
    exist = paired & (position < sizes.keys)
    row = pair * sizes.keys + position
    result = stored(key_sums * rules.scale, q.at.dtype.element_ty)
    tl.store(dk + row * sizes.features + features, result, mask=exist & real)
    tl.store(dv + row * sizes.value_features + values, stored(value_sums, q.at.dtype.element_ty), mask=exist & true)
