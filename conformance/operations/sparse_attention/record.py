"""Sparse attention: attention under a mask that a pattern gives, so all that is known of that holds of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....reference.attention.textbook import attention
from ....reference.sparse_attention.definition import SPARSE_OPTIONS, narrowed
from ..attention.record import ATTENTION
from ..operation import Embedding, Operation
from .options import OPTIONS

if TYPE_CHECKING:
    from ...problems.problem import Problem

__all__ = ["SPARSE_ATTENTION"]

NAME = "sparse_attention"


def under_its_pattern(p: Problem) -> Problem:
    """The same problem of attention: what says a pattern becomes a mask."""
    given = {name: p.options[name] for name in SPARSE_OPTIONS if name in p.options}
    rest = {name: value for name, value in p.options.items() if name not in given}
    kept = {key: choice for key in ATTENTION.conventions if (choice := p.convention(key))}
    if given:
        corner: dict[str, Any] = {key: kept[key] for key in ("causal_alignment",) if key in kept}
        rest["mask"] = narrowed(p.q, p.k, scale=rest.get("scale"), **given, **corner)
    return replace(p, options=rest, conventions=kept, operation=ATTENTION.name)


PATTERNS = frozenset({"block_mask", "block_size"})
HIDING = frozenset({"causal", "window", "mask", "q_segments", "kv_segments"})
"""Options of attention that a pattern of blocks of one key can say."""


def sayable(claimed: frozenset[str]) -> frozenset[str]:
    """Options of attention that a sparse kernel can be asked for."""
    own = frozenset({"scale", "causal", "window"}) & claimed
    return own | HIDING if claimed >= PATTERNS else own


def as_a_pattern(p: Problem, claimed: frozenset[str]) -> Problem:
    """A problem of attention in the words of a pattern: its own, or blocks of one query and one key.

    Where both can say it, the problem decides, the same each time.
    """
    hiding = HIDING & p.options.keys()
    rest = {name: value for name, value in p.options.items() if name not in hiding}
    plainly = hiding <= claimed - {"mask"}
    if hiding and claimed >= PATTERNS and not (plainly and p.generator("pattern").integers(2)):
        steps: dict[str, Any] = {name: p.options[name] for name in hiding}
        steps |= {key: choice for key in ("causal_alignment",) if (choice := p.convention(key))}
        rest |= {"block_mask": attention(p.q, p.k, p.k, **steps).visible, "block_size": 1}
        return replace(p, options=rest, operation=NAME)
    return replace(p, operation=NAME)


def written_out(p: Problem, seen: Any) -> dict[str, Any]:
    """A block mask of blocks of one query and one key."""
    return {**dict.fromkeys(SPARSE_OPTIONS), "block_mask": seen, "block_size": 1}


SPARSE_ATTENTION: Operation = replace(
    ATTENTION,
    name=NAME,
    options=OPTIONS,
    reduces=under_its_pattern,
    embeds={ATTENTION.name: Embedding(sayable, as_a_pattern)},
    written_out=written_out,
    needed={"causal": True, "window": False, "return_lse": False},
    hides=tuple(SPARSE_OPTIONS),
)
