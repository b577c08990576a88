"""Where words cut a sequence of steps in two, the same place for all of them."""

from __future__ import annotations

from ..problems.problem import Problem
from .word import Undecided

__all__ = ["cut_between_steps"]


def cut_between_steps(p: Problem) -> int:
    """The first step after the cut. Raises Undecided where there are fewer than two steps, or other queries than keys."""
    if p.sk < 2 or p.sq != p.sk:
        raise Undecided("there are fewer than two steps to split")
    return int(p.generator("cut between steps").integers(1, p.sk))
