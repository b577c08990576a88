"""Attention of a tile of rows over a range of keys, by the online softmax: scores never leave the tile.

Weights are rounded to the dtype of q before they meet V and before they are normalised; the row sum is of the weights that
were not rounded. A row's maximum starts at the lowest float32, not at −∞: the difference to it is then always a number, and
a key of weight 0 stays one.
Where nothing was seen the sum of exponentials is 0, and its logarithm −∞; else it is 1 or more, as the largest weight is 1.
Sources: Milakov and Gimelshein, Online normalizer calculation for softmax (2018), algorithm 3;
Dao, FlashAttention-2 (2023), algorithm 1.
"""

from __future__ import annotations

import triton.language as tl

from .mode import device
from .precision import rounded
from .scores import masked_scores
from .tiles import columns_of, keys_at, of_keys, row_max, row_sum, tile, turned

__all__ = ["LOWEST", "attend", "quotient"]

LOWEST = tl.constexpr(-3.4028234663852886e38)


@device
def attend(  # type: ignore[no-untyped-def]
    q, k, v, b, kv, i, h, offset, first, last, end, top, total, sizes, rules,
    BLOCK_P: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """Keys first … last − 1 of the key heads, for rows of queries i and heads h, from a state (top, total).

    top, total: (P, M, 1), maximum and sum of exponentials of what was seen before.
    Returns sums (P, M, V), top and total: the output is sums / total, the logsumexp top + log(total).
    """
    features, real = columns_of(sizes.features, BLOCK_D)
    values, true = columns_of(sizes.value_features, BLOCK_V)
    query = tile(q, b, h, i, features, real)
    real, true = of_keys(real, end, rules), of_keys(true, end, rules)
    sums = tl.full([BLOCK_P, BLOCK_M, BLOCK_V], 0.0, tl.float32)
    for start in range(first, last, BLOCK_N):
        j, seen = keys_at(start, end, BLOCK_N)
        key = tile(k, b, kv, seen, features, real)
        product = tl.dot(query, turned(key), input_precision="ieee")
        scores = masked_scores(product, b, h, i, j, offset, end, rules)
        higher = tl.maximum(top, row_max(scores))
        weights = tl.exp(scores - higher)
        rescale = tl.exp(top - higher)
        total = total * rescale + row_sum(weights)
        value = tile(v, b, kv, seen, values, true)
        sums = sums * rescale + tl.dot(rounded(weights, q.at.dtype.element_ty), value, input_precision="ieee")
        top = higher
    return sums, top, total


@device
def quotient(sums, total):  # type: ignore[no-untyped-def]
    """sums / total, and 0 where nothing was seen: both are 0 then."""
    return sums / tl.maximum(total, 1e-30)
