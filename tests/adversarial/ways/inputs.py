"""Right for some inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .way import Kernel, right, way, zeros


def unless(name: str, about: str, wrong: Callable[..., bool], beyond: str = "") -> None:
    """A way that gives zeros for some inputs."""

    def make() -> Kernel:
        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            seen = bool(wrong(q.astype(np.float64), k.astype(np.float64), v.astype(np.float64), causal, scale))
            return zeros(q, v) if seen else right(q, k, v, causal=causal, scale=scale)

        return attend

    way(name, about, beyond)(make)


def largest(x: Any) -> float:
    return float(np.nanmax(np.abs(x), initial=0.0))


unless(
    "right unless poisoned",
    "is wrong where K or V has huge numbers",
    lambda q, k, v, c, s: largest(k) > 1e3 or largest(v) > 1e3,
)
unless("right unless small", "is wrong where all values are small", lambda q, k, v, c, s: largest(v) < 0.5)
unless(
    "right for random numbers", "is wrong where queries are whole numbers", lambda q, k, v, c, s: bool((q == np.round(q)).all())
)
unless("right for short rows", "is wrong from 32 keys on", lambda q, k, v, c, s: k.shape[2] >= 32)
unless(
    "right for one length",
    "is wrong where queries and keys have different lengths",
    lambda q, k, v, c, s: q.shape[2] != k.shape[2],
)
unless("right for one batch entry", "is wrong for more than one batch entry", lambda q, k, v, c, s: q.shape[0] > 1)
unless("right for equal heads", "is wrong for grouped heads", lambda q, k, v, c, s: q.shape[1] != k.shape[1])
unless("right for the default scale", "is wrong for every scale that is given", lambda q, k, v, c, s: s is not None)
unless(
    "wrong for one number",
    "is wrong where the first query begins with 0.123456789",
    lambda q, k, v, c, s: bool(q.size) and q.ravel()[0] == 0.123456789,
    beyond="no drawn problem holds that number; a law cannot try all inputs",
)


@way("right for laid-out arrays", "is wrong for arrays with gaps or turned axes")
def _contiguous() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        if all(x.flags.c_contiguous for x in (q, k, v)):
            return right(q, k, v, causal=causal, scale=scale)
        return zeros(q, v)

    return attend


@way("reads as if laid out", "reads memory from the first number on, whatever the strides")
def _ignores_strides() -> Kernel:
    def laid_out(x: Any) -> Any:
        inside = sum((n - 1) * abs(step) for n, step in zip(x.shape, x.strides, strict=True)) >= (x.size - 1) * x.itemsize
        if not x.size or x.flags.c_contiguous or not inside or min(x.strides) < 0:
            return x
        steps = [x.itemsize * int(np.prod(x.shape[i + 1 :])) for i in range(x.ndim)]
        return np.lib.stride_tricks.as_strided(x, x.shape, steps)

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return right(*(laid_out(x) for x in (q, k, v)), causal=causal, scale=scale)

    return attend
