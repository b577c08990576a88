"""Mistakes of the backward pass. The forward pass is right, so nothing but a gradient shows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faults.making import Backward, tile_size, tiles_down
from ...rounding import round_to
from ..gradient_steps import keys, of_scores, sum_group, values
from ..scores import dot
from ..steps import STEPS
from .making import backward_fault, differentiated

Array = NDArray[Any]


@backward_fault("gradient-without-delta")
def _() -> Backward:
    return differentiated(delta=lambda dout, out: np.zeros_like(dout[..., :1]))


@backward_fault("softcap-without-derivative")
def _() -> Backward:
    return differentiated(softcap=lambda ds, capped, cap: ds)


@backward_fault("query-gradient-unscaled")
def _() -> Backward:
    return differentiated(scale_q=lambda dq, scale: dq)


@backward_fault("key-gradient-scaled-twice")
def _() -> Backward:
    return differentiated(scale_k=lambda dk, scale: dk * scale * scale)


@backward_fault("backward-mask-forgotten")
def _() -> Backward:
    return differentiated(recompute=replace(STEPS, mask=lambda mask: np.ones_like(mask)))


@backward_fault("backward-bias-forgotten")
def _() -> Backward:
    return differentiated(recompute=replace(STEPS, bias=lambda scores, bias: scores))


@backward_fault("backward-always-causal")
def _() -> Backward:
    return differentiated(recompute=replace(STEPS, inputs=lambda given: replace(given, causal=True)))


@backward_fault("backward-causal-off-by-one")
def _() -> Backward:
    return differentiated(recompute=replace(STEPS, causal=lambda i, j: j <= i + 1))


@backward_fault("backward-causal-other-corner")
def _() -> Backward:
    def offset(alignment: str, sq: int, lengths: Array) -> Array:
        other = {"top-left": "bottom-right", "bottom-right": "top-left"}[alignment]
        return np.asarray(STEPS.offset(other, sq, lengths))

    return differentiated(recompute=replace(STEPS, offset=offset))


@backward_fault("backward-without-sinks")
def _() -> Backward:
    def without(lse: Array, sinks: Array | None) -> Array:
        return lse if sinks is None else np.asarray(lse + np.log(-np.expm1(np.minimum(sinks - lse, -1e-300))))

    return differentiated(normalizer=without)


@backward_fault("backward-lse-of-next-head")
def _() -> Backward:
    return differentiated(normalizer=lambda lse, sinks: np.roll(lse, 1, axis=1))


@backward_fault("group-gradient-of-last-head")
def _() -> Backward:
    def last(each: Array, heads: Array, hkv: int) -> Array:
        return np.stack([each[:, np.flatnonzero(heads == head)[-1]] for head in range(hkv)], axis=1)

    return differentiated(sum_group=last)


@backward_fault("group-gradient-heads-tiled")
def _() -> Backward:
    return differentiated(sum_group=lambda each, heads, hkv: sum_group(each, np.arange(len(heads)) % hkv, hkv))


@backward_fault("backward-tail-keys-skipped")
def _() -> Backward:
    def skipping(weights: Array, dp: Array, delta: Array) -> Array:
        count = weights.shape[-1]
        tail = np.arange(count) >= tiles_down(count) if count > tile_size() else np.zeros(count, dtype=bool)
        return np.where(tail, 0.0, of_scores(weights, dp, delta))

    return differentiated(of_scores=skipping)


@backward_fault("backward-tail-queries-skipped")
def _() -> Backward:
    def whole(rows: int) -> int:
        return tiles_down(rows) if rows > tile_size() else rows

    return differentiated(
        values=lambda kept, dout: values(kept[..., : whole(dout.shape[-2]), :], dout[..., : whole(dout.shape[-2]), :]),
        keys=lambda ds, q: keys(ds[..., : whole(q.shape[-2]), :], q[..., : whole(q.shape[-2]), :]),
    )


@backward_fault("key-gradient-of-last-tile")
def _() -> Backward:
    def first(rows: int) -> int:
        begin: int = tiles_down(max(rows - 1, 0))
        return begin

    return differentiated(keys=lambda ds, q: keys(ds[..., first(q.shape[-2]) :, :], q[..., first(q.shape[-2]) :, :]))


@backward_fault("gradients-summed-in-bfloat16")
def _() -> Backward:
    def values_of(kept: Array, dout: Array) -> Array:
        total = np.zeros((*kept.shape[:2], kept.shape[-1], dout.shape[-1]))
        for start in range(0, dout.shape[-2], tile_size()):
            at = slice(start, start + tile_size())
            total = round_to(total + values(kept[..., at, :], dout[..., at, :]), "bfloat16")
        return np.asarray(total)

    return differentiated(values=values_of)


@backward_fault("backward-keys-rounded")
def _() -> Backward:
    def rounded(q: Array, k: Array) -> Array:
        factor = np.log2(np.e) / np.sqrt(max(k.shape[-1], 1))
        return dot(q, np.asarray(round_to(k * factor, "bfloat16")) / factor)

    return differentiated(recompute=replace(STEPS, dot=rounded))


@backward_fault("unseen-keys-unwritten")
def _() -> Backward:
    right = differentiated()

    def backward(dout: Array, q: Array, k: Array, v: Array, **options: Any) -> tuple[Array, Array, Array]:
        dq, dk, dv = right(dout, q, k, v, **options)
        untouched = (dk == 0).all(-1, keepdims=True) & (dv == 0).all(-1, keepdims=True)
        return dq, np.where(untouched, np.nan, dk), np.where(untouched, np.nan, dv)

    return backward


@backward_fault("empty-rows-gradient-nan")
def _() -> Backward:
    right = differentiated()

    def backward(dout: Array, q: Array, k: Array, v: Array, **options: Any) -> tuple[Array, Array, Array]:
        dq, dk, dv = right(dout, q, k, v, **options)
        return np.where((dq == 0).all(-1, keepdims=True) & dout.any(-1, keepdims=True), np.nan, dq), dk, dv

    return backward


@backward_fault("query-gradient-of-first-entry")
def _() -> Backward:
    right = differentiated()

    def backward(dout: Array, q: Array, k: Array, v: Array, **options: Any) -> tuple[Array, Array, Array]:
        dq, dk, dv = right(dout, q, k, v, **options)
        return np.broadcast_to(dq[:1], dq.shape), dk, dv

    return backward


@backward_fault("gradients-added-to-the-last")
def _() -> Backward:
    right = differentiated()
    last: dict[tuple[int, ...], Array] = {}

    def backward(dout: Array, q: Array, k: Array, v: Array, **options: Any) -> tuple[Array, Array, Array]:
        dq, dk, dv = right(dout, q, k, v, **options)
        last[k.shape] = dk + last.get(k.shape, 0.0)
        return dq, last[k.shape], dv

    return backward
