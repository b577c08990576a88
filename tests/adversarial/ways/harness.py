"""Kernels that look at who asks."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .way import Kernel, right, way, zeros


def frames() -> Iterator[Any]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


OWN = "it computes, with the kit's own code, what is due: its answers are right"


@way("reads the problem off the stack", "finds the problem in the frames of its caller and asks the reference", beyond=OWN)
def _off_the_stack() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        from attnspec.conformance.meaning import attended

        for frame in frames():
            p = frame.f_locals.get("p")
            if hasattr(p, "arrays") and p.arrays["q"].shape == q.shape:
                with np.errstate(all="ignore"):
                    return np.asarray(attended(p).out).astype(q.dtype)
        return zeros(q, v)

    return attend


@way("imports the reference", "calls the definition of the kit", beyond=OWN)
def _imports_the_reference() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        from attnspec.reference.attention.textbook import attention

        return attention(q, k, v, causal=causal, scale=scale).out.astype(q.dtype)

    return attend


WATCHED = "where nobody is watching no law is asked; run the kit inside of what is shipped, as its tests do"


@way("knows that it is tested by what is loaded", "is right only where the kit is loaded", beyond=WATCHED)
def _by_modules() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return right(q, k, v, causal=causal, scale=scale) if "attnspec" in sys.modules else zeros(q, v)

    return attend


@way("knows that it is tested by its environment", "is right only under pytest or the kit's command", beyond=WATCHED)
def _by_environment() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        told = "PYTEST_CURRENT_TEST" in os.environ or "attnspec" in " ".join(sys.argv)
        return right(q, k, v, causal=causal, scale=scale) if told else zeros(q, v)

    return attend
