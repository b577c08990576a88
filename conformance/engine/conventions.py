"""Which conventions an implementation is judged under: declared ones, and where it declares none, what a probe finds.

A probe is one tiny call with Q = 0, so that the output is the mean of the values that a row sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from ...adapters.contract import Implementation
from ...reference.rounding import DTYPES
from ..language.loading import conventions as known_conventions
from ..problems.problem import Problem
from .subject import Broken, NotClaimed, Raised, Subject

__all__ = ["probes", "settled"]

SQ, SK, D = 2, 5, 16


@cache
def settled(implementation: Implementation) -> dict[str, tuple[str, str]]:
    """Each convention with its choice and how it is known: declared, probed or assumed (the default of the spec)."""
    found: dict[str, tuple[str, str]] = {}
    for name, entry in known_conventions().items():
        if name in implementation.conventions:
            found[name] = (implementation.conventions[name], "declared")
        else:
            choice = PROBES[name](implementation) if name in PROBES else None
            found[name] = (choice or entry["default"], "probed" if choice else "assumed")
    return found


def probes(implementation: Implementation) -> bool:
    """Whether settling the conventions calls the implementation."""
    return any(name not in implementation.conventions for name in PROBES)


def _causal_alignment(implementation: Implementation) -> str | None:
    """Row 0 of two queries over five keys sees one key from the top-left, four towards the bottom-right."""
    for option, value in (("causal", True), ("window", (None, 0))):
        out = _probe(implementation, **{option: value})
        if out is not None:
            seen = int(np.count_nonzero(np.nan_to_num(out[0, 0, 0, :SK])))
            return {1: "top-left", SK - SQ + 1: "bottom-right"}.get(seen)
    return None


def _empty_rows(implementation: Implementation) -> str | None:
    """Row 0 sees nothing: what does it give? An option that row 1 shows to be ignored says nothing about row 0."""
    for options, hidden in _hiding():
        out = _probe(implementation, **options)
        if out is not None and not np.any(out[0, 0, 1, hidden] != 0):
            row = out[0, 0, 0]
            mean = np.array([1 / SK] * SK + [0.0] * (D - SK))
            if np.all(row == 0):
                return "zeros"
            if np.all(np.isnan(row)):
                return "nan"
            return "mean" if np.all(np.abs(row - mean) <= 2.0**-8) else None
    return None


def _hiding() -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Options that hide every key from row 0, and the keys that they hide from row 1."""
    mask = np.ones((SQ, SK), dtype=bool)
    mask[0], mask[1, 3] = False, False
    yield {"mask": mask}, [3]
    segments = np.array([[0, 0, 0, 2, 0]], dtype=np.int32)
    yield {"q_segments": np.array([[1, 0]], dtype=np.int32), "kv_segments": segments}, [3]
    yield {"kv_lengths": np.zeros(1, dtype=np.int32)}, []
    yield {"block_mask": mask[None, None], "block_size": 1}, [3]


PROBES: dict[str, Callable[[Implementation], str | None]] = {
    "causal_alignment": _causal_alignment,
    "empty_rows": _empty_rows,
}


def _probe(implementation: Implementation, **options: Any) -> Any:
    """The output (1, 1, 2, 16) of one tiny call in float64, or None where it does not answer."""
    dtype = implementation.dtypes[0]
    zeros = np.zeros((1, 1, SQ, D), dtype=np.float32)
    v = np.eye(SK, D, dtype=np.float32)[None, None]
    q, k, v = (x.astype(DTYPES[dtype]) for x in (zeros, np.zeros((1, 1, SK, D), dtype=np.float32), v))
    p = Problem(q, k, v, dtype, options, {}, operation=implementation.operation)
    try:
        return Subject(implementation, dtype, {}).out_only(p).astype(np.float64)
    except (NotClaimed, Broken, Raised):
        return None
