"""The sizes of an operation: the lengths of the axes of its arrays, by name, and what they have to be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Size", "entries"]


@dataclass(frozen=True)
class Size:
    """One size. least, most: the smallest and the largest that it may be. like: the size that it equals where it is not given,
    and which a case then leaves out. multiple_of: the size of which it is a multiple; why: for what reason.
    """

    least: int = 1
    most: int | None = None
    like: str = ""
    multiple_of: str = ""
    why: str = ""


def entries(sizes: Mapping[str, int], names: tuple[str, ...]) -> int:
    """How many entries an array has whose axes have these sizes; one that is not given is 1."""
    return math.prod(sizes.get(name, 1) for name in names)
