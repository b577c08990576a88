"""The record of an operation over heads, as every kind of attention is, but for what its folder says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..known import operation_named
from ..operation import Operation
from .distributions import DISTRIBUTIONS, RANDOM_SIGNS
from .shapes import picked, whole_shapes
from .sizes import HEADS, SCORES

if TYPE_CHECKING:
    from ...problems.problem import Problem

__all__ = ["of_heads"]


def changed(p: Problem, claimed: frozenset[str]) -> dict[str, Any]:
    """Another scale, causality and mask."""
    given: dict[str, Any] = {}
    if "scale" in claimed:
        given["scale"] = 2 * float(p.options.get("scale", p.d**-0.5))
    if "causal" in claimed and (operation_named(p.operation).causal_past or p.sq == p.sk):
        given["causal"] = None if p.options.get("causal") else True
    if "mask" in claimed and "mask" not in p.options:
        given["mask"] = np.arange(p.sk)[None, :] % 3 != np.arange(p.sq)[:, None] % 3
    return given


def of_heads(name: str, **said: Any) -> Operation:
    """An operation over heads of queries, keys and values, as every kind of attention is."""
    called = {"q": "queries", "k": "keys", "v": "values"}
    contents: Any = DISTRIBUTIONS
    return Operation(
        name=name,
        folder=__package__,
        of_heads=True,
        sizes=HEADS,
        contents=contents,
        fair=RANDOM_SIGNS,
        made=SCORES,
        pick=picked,
        whole=whole_shapes,
        called=called,
        changed=changed,
        **said,
    )
