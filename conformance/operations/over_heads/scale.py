"""The factor on q·k of a problem."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...problems.problem import Problem

__all__ = ["scale_of"]


def scale_of(p: Problem) -> float:
    """The option, or 1/sqrt(D)."""
    return float(p.options.get("scale", 1 / math.sqrt(p.d)))
