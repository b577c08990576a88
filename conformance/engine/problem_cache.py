"""Problems that were posed lately, and what the reference says of them.

Implementations with the same options meet the same problems of a law, one implementation after the other. What the reference
works out for the first of them holds for all. Each gets arrays of its own, so none can change what the next one is given.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..language.law import Law
from ..problems.build import build
from ..problems.problem import Problem
from ..problems.structure import Structure
from ..remembered import kept_for_a_run
from .evaluate import Known

__all__ = ["cached_problem"]

KEPT = 16
"""Problems that are kept: what one law poses to one implementation, with some to spare."""

LARGEST = 50_000
"""The most scores, B·Hq·Sq·Sk, of a problem that is kept: what is known of one takes some hundred bytes a score."""

Key = tuple[Law, Structure, tuple[tuple[str, str], ...]]

_LATEST: dict[Key, tuple[Problem, Known]] = kept_for_a_run({})


def cached_problem(law: Law, structure: Structure, conventions: Mapping[str, str]) -> tuple[Problem, Known]:
    """The problem of a structure under conventions, and what is known of it for a law: to be filled by `decide_law`."""
    key = (law, structure, tuple(sorted(conventions.items())))
    if key in _LATEST:
        return _LATEST[key]
    made: tuple[Problem, Known] = build(structure, conventions), {}
    if structure.cost <= LARGEST:
        while len(_LATEST) >= KEPT:
            del _LATEST[next(iter(_LATEST))]
        _LATEST[key] = made
    return made
