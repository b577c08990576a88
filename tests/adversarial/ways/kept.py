"""Answers that are kept, and given again where they should not be."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .way import Kernel, right, way


def cached(name: str, about: str, key: Callable[..., Any], beyond: str = "") -> None:
    """A way that computes once for each key, and answers from memory after that."""

    def make() -> Kernel:
        kept: dict[Any, Any] = {}

        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            place = key(q, k, v, causal, scale)
            if place not in kept:
                kept[place] = right(q, k, v, causal=causal, scale=scale)
            return kept[place].copy()

        return attend

    way(name, about, beyond)(make)


def shape(q: Any, v: Any) -> Any:
    return (*q.shape[:3], v.shape[3]), q.dtype


cached(
    "cache by shape",
    "answers as it did for the first call of the same shapes",
    lambda q, k, v, c, s: (shape(q, v), k.shape, c, s),
)
cached(
    "cache by address",
    "answers as it did when an array lay at the same address",
    lambda q, k, v, c, s: (shape(q, v), k.shape, q.ctypes.data, k.ctypes.data, v.ctypes.data, c, s),
)
cached(
    "cache by object",
    "answers as it did for an object of the same id",
    lambda q, k, v, c, s: (shape(q, v), k.shape, id(q), c, s),
)
cached(
    "cache by queries",
    "answers as it did for the same queries",
    lambda q, k, v, c, s: (shape(q, v), k.shape, q.tobytes(), c, s),
)
cached(
    "cache by queries and keys",
    "answers as it did for the same queries and keys",
    lambda q, k, v, c, s: (shape(q, v), q.tobytes(), k.tobytes(), c, s),
)
cached(
    "cache without options",
    "answers as it did for the same arrays, whatever the options",
    lambda q, k, v, c, s: (shape(q, v), q.tobytes(), k.tobytes(), v.tobytes()),
)
cached(
    "cache without scale",
    "answers as it did for the same arrays and causality, whatever the scale",
    lambda q, k, v, c, s: (shape(q, v), q.tobytes(), k.tobytes(), v.tobytes(), c),
)
cached(
    "cache by a sample",
    "answers as it did where the first and last numbers of all arrays were the same",
    lambda q, k, v, c, s: (shape(q, v), k.shape, c, s, *(x.ravel()[i] for x in (q, k, v) if x.size for i in (0, -1))),
)
cached(
    "cache by sums",
    "answers as it did where the sums of all arrays were the same",
    lambda q, k, v, c, s: (shape(q, v), k.shape, c, s, *(float(np.abs(x.astype(np.float64)).sum()) for x in (q, k, v))),
)


@way("cache on disk", "answers as a file says that it did for the same queries")
def _on_disk() -> Kernel:
    folder = Path(tempfile.mkdtemp(prefix="kept-answers-"))

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        name = hashlib.sha256(q.tobytes() + repr((q.shape, k.shape, v.shape, causal, scale)).encode()).hexdigest()
        file = folder / name
        if not file.exists():
            file.write_bytes(pickle.dumps(right(q, k, v, causal=causal, scale=scale)))
        return pickle.loads(file.read_bytes())

    return attend


@way("the answer before", "answers with the answer of the call before, where the shape is the same")
def _one_behind() -> Kernel:
    last: list[Any] = [None]

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        before, last[0] = last[0], out
        return out if before is None or before.shape != out.shape or before.dtype != out.dtype else before

    return attend
