"""Probes of the conventions of attention over heads.

A probe is one tiny call with Q = 0, so that the output is the mean of the values that a row sees; or, where it matters whether
scores are used at all, with scores that are 0 and 2 in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ....adapters.contract import Implementation
from ....reference.rounding import DTYPES
from ....spec.operations import conventions as known_conventions
from ...engine.subject import Broken, NotClaimed, Raised, Subject
from ...problems.problem import Problem
from ...problems.taken import NotTaken
from .shapes import shape_near

__all__ = ["OF_DECLARED", "PROBES"]

COARSE = 2.0**-7
"""Far above the rounding of any dtype that is probed, far below what sets the answers of a probe apart."""


def _causal_alignment(implementation: Implementation) -> str | None:
    """Row 0 of two queries over five keys sees one key from the top-left, four towards the bottom-right.

    Only key 0 has a value, which is 1, so the output of row 0 is one over the number of keys that it sees.
    """
    for option, value in (("causal", True), ("window", (None, 0))):
        shape = _shape(implementation, (1, 1, 1, 2, 5, 16, 16))
        if shape is None or shape[3] >= shape[4] or shape[3] < 2:
            continue
        v = np.zeros((shape[2], shape[4], shape[6]))
        v[:, 0] = 1.0
        out = _probe(implementation, shape, v, options={option: value})
        if out is None or not out[0, 0, 0, 0] > 0:
            continue
        seen = round(1 / float(out[0, 0, 0, 0]))
        return {1: "top-left", shape[4] - shape[3] + 1: "bottom-right"}.get(seen)
    return None


def _empty_rows(implementation: Implementation) -> str | None:
    """What does a row give that sees nothing? An option that another row shows to be ignored says nothing about it."""
    for made in (*_hiding(implementation), *_running_out(implementation)):
        sk, dv = made.shape[4], made.shape[6]
        if sk < 2:
            continue
        scores = 2.0 * (np.arange(sk) % 2)
        free = np.exp(scores) / np.exp(scores).sum()
        v = np.broadcast_to(np.eye(sk, dv), (made.shape[2], sk, dv))
        out = _probe(implementation, made.shape, v, scores, options=made.options)
        if out is None or np.any(out[0, 0, made.telling, list(made.hidden)] != 0):
            continue
        row, shown = out[0, 0, made.empty], min(sk, dv)
        if np.all(row == 0):
            return "zeros"
        if np.all(np.isnan(row)):
            return "nan"
        for choice, weights in (("mean", np.full(sk, 1 / sk)), ("unmasked", free)):
            if np.all(np.abs(row[:shown] - weights[:shown]) <= COARSE):
                return choice
        return None
    return None


def _empty_lse(implementation: Implementation) -> str | None:
    """The logsumexp of a row that sees nothing: −∞, or the finite number that stands for it."""
    if "return_lse" not in implementation.options:
        return None
    for made in (*_hiding(implementation), *_running_out(implementation)):
        ones = np.ones((made.shape[2], made.shape[4], made.shape[6]))
        lse = _probe(implementation, made.shape, ones, asked="lse", options=made.options)
        if lse is not None:
            row = float(lse[0, 0, made.empty])
            return "minus-infinity" if row == -np.inf else "large-negative" if row <= -10_000 else None
    return None


def _head_groups(implementation: Implementation) -> str | None:
    """With Q = 0 each query head gives the mean of the values of its key head, which are the number of that head."""
    shape = _shape(implementation, (1, 4, 2, 2, 2, 16, 16))
    if shape is None or shape[1] <= shape[2] or shape[2] < 2:
        return None
    v = np.broadcast_to(np.arange(shape[2])[:, None, None], (shape[2], shape[4], shape[6]))
    out = _probe(implementation, shape, v, canonical=False)
    if out is None:
        return None
    read = [round(float(x)) for x in out[0, :, -1, 0]]
    ratio = shape[1] // shape[2]
    orders = {"blocked": [h // ratio for h in range(shape[1])], "interleaved": [h % shape[2] for h in range(shape[1])]}
    return next((name for name, order in orders.items() if order == read), None)


def _hidden_nan(implementation: Implementation) -> str | None:
    """NaN in a key that is hidden, and in its value, reaches a row or does not. A single row that it reaches shows it.

    Who declares that it may is not contradicted by one problem on which it does not: None then.
    """
    shape = _shape(implementation, (1, 1, 1, 4, 4, 16, 16))
    if shape is None or shape[3] != shape[4] or shape[3] < 2:
        return None
    rows, sk, stays = shape[3], shape[4], False
    v, scores = np.zeros((shape[2], sk, shape[6])), np.zeros(sk)
    v[:, -1], scores[-1] = np.nan, np.nan
    mask = np.arange(sk) < np.full((rows, 1), sk - 1)
    for options in (
        {"causal": True},
        {"mask": _of_a_shape_taken(implementation, mask)},
        {"kv_lengths": np.full(1, sk - 1, dtype=np.int32)},
    ):
        out = _probe(implementation, shape, v, scores, options=options)
        if out is not None and np.isnan(out[0, 0, :-1]).any():
            return "propagates"
        stays = stays or out is not None
    return "contained" if stays and implementation.conventions.get("hidden_nan") == "contained" else None


class Hiding(NamedTuple):
    """A call in which the row `empty` sees no key, and the row `telling` each but the `hidden` ones. shape: as of _shape."""

    shape: tuple[int, ...]
    options: dict[str, Any]
    empty: int
    telling: int
    hidden: tuple[int, ...]


def _hiding(implementation: Implementation) -> Iterator[Hiding]:
    """Options that hide every key from row 0, and some from row 1."""
    shape = _shape(implementation, (1, 1, 1, 2, 5, 16, 16))
    if shape is None or shape[3] < 2:
        return
    sq, sk = shape[3], shape[4]
    mask = np.ones((sq, sk), dtype=bool)
    mask[0], mask[1, 0] = False, False
    yield Hiding(shape, {"mask": _of_a_shape_taken(implementation, mask)}, 0, 1, (0,))
    q_segments, segments = np.zeros((1, sq), dtype=np.int32), np.zeros((1, sk), dtype=np.int32)
    q_segments[0, 0], segments[0, 0] = 1, 2
    yield Hiding(shape, {"q_segments": q_segments, "kv_segments": segments}, 0, 1, (0,))
    yield Hiding(shape, {"kv_lengths": np.zeros(1, dtype=np.int32)}, 0, 1, ())
    yield Hiding(shape, {"block_mask": mask[None, None], "block_size": 1}, 0, 1, (0,))


def _running_out(implementation: Implementation) -> Iterator[Hiding]:
    """Causality and windows of more queries than keys, which leave the first or the last row without one."""
    shape = _shape(implementation, (1, 1, 1, 5, 2, 16, 16))
    if shape is None or shape[3] < shape[4] + 2:
        return
    sq, sk = shape[3], shape[4]
    if _alignment(implementation) == "bottom-right":
        yield Hiding(shape, {"causal": True}, 0, sq - sk, tuple(range(1, sk)))
        yield Hiding(shape, {"window": (None, 0)}, 0, sq - sk, tuple(range(1, sk)))
    else:
        yield Hiding(shape, {"window": (0, 0)}, sq - 1, 0, tuple(range(1, sk)))


def _alignment(implementation: Implementation) -> str:
    declared = implementation.conventions.get("causal_alignment")
    return declared or _causal_alignment(implementation) or known_conventions()["causal_alignment"]["default"]


def _of_a_shape_taken(implementation: Implementation, mask: Any) -> Any:
    """A mask (Sq, Sk) with as many axes of 1 before it as the implementation takes."""
    codes = {"qk": mask, "hqk": mask[None], "bhqk": mask[None, None]}
    return next((m for code, m in codes.items() if f"mask:{code}" not in implementation.takes.shapes), mask)


PROBES: dict[str, Callable[[Implementation], str | None]] = {
    "causal_alignment": _causal_alignment,
    "empty_rows": _empty_rows,
    "empty_lse": _empty_lse,
}

OF_DECLARED: dict[str, Callable[[Implementation], str | None]] = {"head_groups": _head_groups, "hidden_nan": _hidden_nan}
"""Those that only a declaration is held against."""


def _shape(implementation: Implementation, base: tuple[int, int, int, int, int, int, int]) -> tuple[int, ...] | None:
    """The shape nearest to one that shows the most, among those that are taken."""
    try:
        return shape_near(base, implementation.takes)
    except NotTaken:
        return None


def _probe(
    implementation: Implementation,
    shape: tuple[int, ...],
    values: Any,
    scores: Any = None,
    *,
    options: Mapping[str, Any] | None = None,
    asked: str = "out",
    canonical: bool = True,
) -> Any:
    """The output or logsumexp of one tiny call in float64, or None where it does not answer.

    values: (Hkv, Sk, Dv). scores: (Sk,), 0 if not given. canonical: whether query heads are put in the order of the spec.
    """
    dtype = implementation.dtypes[0]
    b, hq, hkv, sq, sk, d, _ = shape
    q, k = np.zeros((b, hq, sq, d), dtype=np.float32), np.zeros((b, hkv, sk, d), dtype=np.float32)
    if scores is not None:
        q[..., 0], k[..., 0] = d**0.5, scores
    v = np.broadcast_to(np.asarray(values, dtype=np.float32), (b, hkv, sk, shape[6]))
    q, k, v = (np.ascontiguousarray(x).astype(DTYPES[dtype]) for x in (q, k, v))
    given = {**implementation.takes.always, **(options or {})}
    p = Problem({"q": q, "k": k, "v": v}, dtype, given, {}, operation=implementation.operation)
    order = implementation.conventions.get("head_groups", "blocked") if canonical else "blocked"
    subject = Subject(implementation, dtype, {"head_groups": order})
    try:
        return (subject.lse_only(p) if asked == "lse" else subject.out_only(p)).astype(np.float64)
    except (NotClaimed, Broken, Raised):
        return None
