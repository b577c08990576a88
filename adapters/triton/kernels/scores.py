"""Scores of a tile in float32, and which keys a tile of rows has to visit at all.

Tiles have three axes: pairs (P) of a batch entry and a key head, rows (M), and keys (N) or features.
A row is one query of one head: the query heads that share a key head stand together, row r being query r // group of head
r % group of the group, so that a tile of keys is read once for all of them.
Query i stands at position i + offset, where offset is (number of keys) − Sq: the diagonal ends at the bottom right.
Indices are int64, because a stride times a position passes 2^31 in long caches.
"""

from __future__ import annotations

import triton.language as tl
from triton.language.standard import _elementwise_max, _elementwise_min

from .mode import device
from .precision import widened

__all__ = ["cap_slope", "key_range", "keys_of", "masked_scores", "row_range", "tanh"]


@device
def keys_of(b, sizes, rules):  # type: ignore[no-untyped-def]
    """How many keys a batch entry has: its length (P, 1, 1), or all."""
    end = tl.cast(sizes.keys, tl.int64)
    if rules.lengths is not None:
        end = tl.load(rules.lengths.at + b * rules.lengths.batch).to(tl.int64)
    return end


@device
def key_range(start, offset, end, sizes, rules, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):  # type: ignore[no-untyped-def]
    """first (a multiple of BLOCK_N) and last (excluded) of the keys that any of BLOCK_M rows from `start` may see."""
    first, last = 0, end
    if rules.right is not None:
        last = tl.minimum((start + BLOCK_M - 1) // sizes.group + offset + rules.right + 1, end)
    if rules.lengths is not None:  # Pairs differ.
        last = tl.reduce(last, None, _elementwise_max)
    if rules.left is not None:
        first = tl.maximum(start // sizes.group + offset - rules.left, 0)
        if rules.lengths is not None:
            first = tl.reduce(first, None, _elementwise_min)
        first = first // BLOCK_N * BLOCK_N
    return first, last


@device
def row_range(start, offset, sizes, rules, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):  # type: ignore[no-untyped-def]
    """first (a multiple of BLOCK_M) and last (excluded) of the rows that may see any of BLOCK_N keys from `start`."""
    first, last = 0, sizes.rows
    if rules.right is not None:
        first = tl.maximum(start - offset - rules.right, 0) * sizes.group
        if rules.lengths is not None:
            first = tl.reduce(first, None, _elementwise_min)
        first = first // BLOCK_M * BLOCK_M
    if rules.left is not None:
        last = tl.minimum((start + BLOCK_N - offset + rules.left) * sizes.group, last)
        if rules.lengths is not None:
            last = tl.reduce(last, None, _elementwise_max)
    return first, last


@device
def tanh(x):  # type: ignore[no-untyped-def]
    """Hyperbolic tangent through an exponential that cannot overflow."""
    small = tl.exp(-2.0 * tl.abs(x))
    size = (1.0 - small) / (1.0 + small)
    return tl.where(x < 0, -size, size)


@device
def cap_slope(product, rules):  # type: ignore[no-untyped-def]
    """Derivative of softcap·tanh(scale·product / softcap) by scale·product: 1 − tanh², without its cancellation."""
    small = tl.exp(-2.0 * tl.abs(product * rules.scale / rules.softcap))
    return 4.0 * small / ((1.0 + small) * (1.0 + small))


@device
def masked_scores(product, b, h, i, j, offset, end, rules):  # type: ignore[no-untyped-def]
    """Scores from the products q·k of a tile, −inf where hidden: scale, then softcap, then bias and ALiBi, then visibility.

    product: (P, M, N) float32. b: (P, 1, 1). h: (P, M, 1). i: (1, M, 1). j: (1, 1, N), keys that may lie past the end.
    """
    scores = product * rules.scale
    if rules.softcap is not None:
        scores = rules.softcap * tanh(scores / rules.softcap)
    if rules.bias is not None or rules.mask is not None or rules.q_segments is not None:
        column = tl.maximum(tl.minimum(j, end - 1), 0)
    if rules.bias is not None:
        row = b * rules.bias.batch + h * rules.bias.head + i * rules.bias.row
        scores += widened(tl.load(rules.bias.at + row + column * rules.bias.column))
    if rules.left is not None or rules.right is not None or rules.slopes is not None:
        behind = i + offset - j
    if rules.slopes is not None:
        scores -= tl.load(rules.slopes.at + h * rules.slopes.step) * tl.abs(behind).to(tl.float32)
    visible = j < end
    if rules.left is not None:
        visible = visible & (behind <= rules.left)
    if rules.right is not None:
        visible = visible & (behind >= -rules.right)
    if rules.q_segments is not None:
        own = tl.load(rules.q_segments.at + b * rules.q_segments.batch + i * rules.q_segments.step)
        theirs = tl.load(rules.kv_segments.at + b * rules.kv_segments.batch + column * rules.kv_segments.step)
        visible = visible & (own == theirs)
    if rules.mask is not None:
        row = b * rules.mask.batch + h * rules.mask.head + i * rules.mask.row
        visible = visible & tl.load(rules.mask.at + row + column * rules.mask.column)
    return tl.where(visible, scores, float("-inf"))
