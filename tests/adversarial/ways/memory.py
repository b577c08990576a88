"""What is done with memory: that of the inputs, that of the answer, and that of nobody."""

from __future__ import annotations

from typing import Any

import numpy as np

from .way import Kernel, right, way, zeros


def uninitialised() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return np.empty((*q.shape[:3], v.shape[3]), q.dtype)

    return attend


way("uninitialised memory", "returns memory that it never wrote")(uninitialised)


@way("memory of an answer", "computes in memory that it lets go, and returns fresh memory of the same size")
def _freed() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        right(q, k, v, causal=causal)  # Of another scale than was asked for.
        return np.empty((*q.shape[:3], v.shape[3]), q.dtype)

    return attend


@way("writes into its queries", "scales its queries in place")
def _in_place() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        q *= q.dtype.type(0.5)
        return out

    return attend


@way("writes into its values", "leaves zeros in V")
def _empties_values() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        v[...] = 0
        return out

    return attend


@way("returns its queries", "returns the array of its queries, where the shape is that of an output")
def _returns_input() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return q if q.shape[3] == v.shape[3] else zeros(q, v)

    return attend


@way("answers into its queries", "writes the right answer over its queries and returns them")
def _answers_into_input() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        if q.shape != out.shape:
            return out
        q[...] = out
        return q

    return attend


@way(
    "one buffer",
    "returns the same memory from every call, so that an answer changes when the next one is asked for",
    beyond="an answer is read when it is returned, and no law looks at it again after another call",
)
def _one_buffer() -> Kernel:
    buffer = np.zeros(1 << 22)

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        kept = buffer.view(out.dtype)[: out.size].reshape(out.shape)
        kept[...] = out
        return kept

    return attend
