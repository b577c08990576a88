"""`triton/linear-chunk`: each program takes the steps of its pairs chunk by chunk, with the state in a tile of its own.

Grid: (tiles of pairs, tiles of value features). Each tile of value features has the normaliser beside it; the first one
stores it. What enters a product is rounded to the dtype of q; sums, gates, state and normaliser are float32.
Log gates are summed over each stretch of steps by itself (Dao and Gu 2024, arXiv:2405.21060, listing 1), so a gate of 0 is no
∞ − ∞. Source: Yang et al. 2023, arXiv:2312.06635, section 3 (the chunked form).
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.standard import _sum_combine

from .mode import device
from .precision import rounded, stored, widened
from .tiles import pairs, row_sum, tile, turned

__all__ = ["ELU1", "EXP", "IDENTITY", "RELU", "linear_chunks"]

IDENTITY, ELU1, RELU, EXP = (tl.constexpr(n) for n in range(4))


@device
def mapped(x, real, MAP: tl.constexpr):  # type: ignore[no-untyped-def]
    """φ(x) in float32, and 0 in columns that do not exist."""
    x = widened(x)
    if MAP == ELU1:
        x = tl.where(x > 0, x + 1.0, tl.exp(tl.minimum(x, 0.0)))
    elif MAP == RELU:
        x = tl.maximum(x, 0.0)
    elif MAP == EXP:
        x = tl.exp(x)
    return tl.where(real, x, 0.0)


@device
def between(log_gate, BLOCK_C: tl.constexpr):  # type: ignore[no-untyped-def]
    """The factors from each step (column) to each later one (row), (P, C, C), and 0 for earlier ones. log_gate: (P, 1, C)."""
    step = tl.arange(0, BLOCK_C)
    t, s, r = step[None, :, None, None], step[None, None, :, None], step[None, None, None, :]
    each = tl.where((r > s) & (r <= t), log_gate[:, :, None, :], 0.0)
    sums = tl.reduce(each, 3, _sum_combine, keep_dims=False)
    return tl.where(step[None, :, None] >= step[None, None, :], tl.exp(sums), 0.0)


@device
def product(x, y, like):  # type: ignore[no-untyped-def]
    """x · y with both rounded to the dtype of an array."""
    dtype: tl.constexpr = like.dtype.element_ty
    return tl.dot(rounded(x, dtype), rounded(y, dtype), input_precision="ieee")


@triton.jit
def linear_chunks(  # type: ignore[no-untyped-def]
    q, k, v, gate, decay, lengths, state_in, normalizer_in, out, state, normalizer, sizes, scale,
    CAUSAL: tl.constexpr, NORMALIZE: tl.constexpr, MAP: tl.constexpr,
    BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """A tile of value features of out (B, H, Sq, Dv), state (B, H, D, Dv) and normalizer (B, H, D), the last two float32."""
    pair, paired = pairs(sizes, BLOCK_P)
    b, h = pair // sizes.kv_heads, pair % sizes.kv_heads
    d = tl.arange(0, BLOCK_D).to(tl.int64)[None, None, :]
    e = tl.program_id(1).to(tl.int64) * BLOCK_V + tl.arange(0, BLOCK_V).to(tl.int64)[None, None, :]
    real, true = d < sizes.features, e < sizes.value_features
    step = tl.arange(0, BLOCK_C).to(tl.int64)
    rows, columns = tl.arange(0, BLOCK_D).to(tl.int64)[None, :, None], e
    at = (pair * sizes.features + rows) * sizes.value_features + columns
    kept = (rows < sizes.features) & true & paired
    held = tl.full([BLOCK_P, BLOCK_D, BLOCK_V], 0.0, tl.float32)
    total = tl.full([BLOCK_P, 1, BLOCK_D], 0.0, tl.float32)
    if state_in is not None:
        held = tl.load(state_in + at, mask=kept, other=0.0)
        total = tl.load(normalizer_in + pair * sizes.features + d, mask=real & paired, other=0.0)
    end = pair * 0 + sizes.keys
    if lengths is not None:
        end = tl.load(lengths.at + b * lengths.batch).to(tl.int64)
    for start in range(0, sizes.keys, BLOCK_C):
        j = start + step
        seen = tl.minimum(j, sizes.keys - 1)
        down, across = j[None, :, None] < end, j[None, None, :] < end
        key = tl.where(down, mapped(tile(k, b, h, seen[None, :, None], d, real), real, MAP), 0.0)
        value = tl.where(down, widened(tile(v, b, h, seen[None, :, None], e, true)), 0.0)
        log_gate = tl.full([BLOCK_P, 1, BLOCK_C], 0.0, tl.float32)
        if gate is not None:
            log_gate += tl.load(gate.at + b * gate.batch + h * gate.head + seen[None, None, :] * gate.row)
        if decay is not None:
            log_gate += tl.log(tl.load(decay.at + h * decay.step))
        log_gate = tl.where(across, log_gate, 0.0)
        r = step[None, None, :]
        ahead = tl.exp(row_sum(tl.where(r <= step[None, :, None], log_gate, 0.0)))
        tail = tl.exp(row_sum(tl.where(r > step[None, :, None], log_gate, 0.0)))
        if CAUSAL:
            query = mapped(tile(q, b, h, seen[None, :, None], d, real), real, MAP)
            within = between(log_gate, BLOCK_C)
            scores = tl.where(within > 0, product(query, turned(key), q.at), 0.0) * within
            sums = product(scores, value, q.at) + product(query * ahead, held, q.at)
            if NORMALIZE:
                sums = sums / (row_sum(scores) + row_sum(query * ahead * total))
            else:
                sums = sums * scale
            row = pair * sizes.queries + seen[None, :, None]
            inside = (j[None, :, None] < sizes.queries) & paired & true
            tl.store(out + row * sizes.value_features + e, stored(sums, q.at.dtype.element_ty), mask=inside)
        fade = tl.exp(row_sum(log_gate))
        held = held * fade + product(turned(key * tail), value, q.at)
        total = total * fade + tl.reduce(key * tail, 1, _sum_combine, keep_dims=True)
    if not CAUSAL:
        for start in range(0, sizes.queries, BLOCK_C):
            i = start + step
            own = tl.minimum(i, sizes.queries - 1)[None, :, None]
            query = mapped(tile(q, b, h, own, d, real), real, MAP)
            sums = product(query, held, q.at)
            if NORMALIZE:
                sums = sums / row_sum(query * total)
            else:
                sums = sums * scale
            inside = (i[None, :, None] < sizes.queries) & paired & true
            at_row = (pair * sizes.queries + own) * sizes.value_features
            tl.store(out + at_row + e, stored(sums, q.at.dtype.element_ty), mask=inside)
    if state is not None:
        tl.store(state + at, held, mask=kept)
        if tl.program_id(1) == 0:
            tl.store(normalizer + pair * sizes.features + d, total, mask=real & paired)
