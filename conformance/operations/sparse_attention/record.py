"""Sparse attention: attention under a mask that a pattern gives, so all that is known of that holds of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....reference.sparse_attention.definition import SPARSE_OPTIONS, narrowed
from ..attention.record import ATTENTION
from ..operation import Operation
from .options import OPTIONS

if TYPE_CHECKING:
    from ...problems.problem import Problem

__all__ = ["SPARSE_ATTENTION"]


def under_its_pattern(p: Problem, options: dict[str, Any], remember: Callable[[str, Callable[[], Any]], Any]) -> dict[str, Any]:
    """The options of attention: what says a pattern becomes a mask."""
    given = {name: options[name] for name in SPARSE_OPTIONS if name in options}
    rest = {name: value for name, value in options.items() if name not in given}
    if not given:
        return rest
    given |= {key: rest[key] for key in ("causal_alignment",) if key in rest}
    return {**rest, "mask": remember("pattern", lambda: narrowed(p.q, p.k, scale=rest.get("scale"), **given))}


def written_out(p: Problem, seen: Any) -> dict[str, Any]:
    """A block mask of blocks of one query and one key."""
    return {**dict.fromkeys(SPARSE_OPTIONS), "block_mask": seen, "block_size": 1}


SPARSE_ATTENTION: Operation = replace(
    ATTENTION,
    name="sparse_attention",
    options=OPTIONS,
    as_options=under_its_pattern,
    written_out=written_out,
    needed={"causal": True, "window": False, "return_lse": False},
    hides=tuple(SPARSE_OPTIONS),
)
