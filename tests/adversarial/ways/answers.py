"""Answers that are no attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from .way import Kernel, right, way, zeros


def simply(name: str, about: str, answer: Kernel, beyond: str = "") -> None:
    """A way that is a function of the arrays."""

    def make() -> Kernel:
        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            return answer(q, k, v, causal, scale)

        return attend

    way(name, about, beyond)(make)


simply("zeros", "returns zeros", lambda q, k, v, causal, scale: zeros(q, v))
simply("ones", "returns ones", lambda q, k, v, causal, scale: zeros(q, v) + q.dtype.type(1))
simply("NaN", "returns NaN", lambda q, k, v, causal, scale: zeros(q, v) + q.dtype.type(np.nan))
simply("infinities", "returns infinities", lambda q, k, v, causal, scale: zeros(q, v) + q.dtype.type(np.inf))
simply(
    "noise",
    "returns numbers of the right size",
    lambda q, k, v, causal, scale: np.random.default_rng(0).standard_normal(zeros(q, v).shape).astype(q.dtype),
)


def repeated(q: Any, x: Any) -> Any:
    return np.repeat(x, q.shape[1] // x.shape[1], axis=1)


simply(
    "mean of V",
    "returns the mean of V",
    lambda q, k, v, causal, scale: (zeros(q, v) + repeated(q, v).astype(np.float64).mean(axis=2, keepdims=True)).astype(
        q.dtype
    ),
)
simply(
    "last value",
    "returns the last row of V",
    lambda q, k, v, causal, scale: (zeros(q, v) + repeated(q, v)[:, :, -1:]).astype(q.dtype),
)
simply(
    "running mean of V",
    "returns the mean of the rows of V up to each query",
    lambda q, k, v, causal, scale: right(0 * q, k, v, causal=causal, scale=1.0),
)
simply(
    "best key alone",
    "returns the value of the key with the largest score",
    lambda q, k, v, causal, scale: right(q, k, v, causal=causal, scale=1e4 if scale is None else 1e4 * scale),
)
simply(
    "rounded away",
    "computes with inputs that it rounded to eight bits",
    lambda q, k, v, causal, scale: right(
        *((np.round(x * 16) / 16).astype(x.dtype) for x in (q, k, v)), causal=causal, scale=scale
    ),
)
