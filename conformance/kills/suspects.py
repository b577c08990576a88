"""Faults, and the definition, as implementations under test.

Each is in float64 and rounded once, so a law that rejects one rejects its mistake, and a law that rejects the definition is
itself wrong. A mistake is judged as the implementation would be whose certificate it stands in: the same options, promises,
conventions and arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...adapters.contract import CLAIMS, DTYPES, Implementation, implementation_of
from ...reference.faults.catalogue import CORRECT, FAULTS, Fault, as_callable
from ...reference.faults.making import BACKWARDS

__all__ = ["BACKWARDS", "CONVENTIONS", "CORRECT", "FAULTS", "Fault", "Terms", "named", "no_mistake", "suspect"]

CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}
"""What the definition keeps unless it is told otherwise."""


@dataclass(frozen=True)
class Terms:
    """On what terms suspects are tried.

    options: those that they claim, None for all. claims, conventions, arithmetic: as in contract.Implementation; every claim
    by default, because the definition keeps each.
    """

    options: frozenset[str] | None = None
    claims: frozenset[str] = frozenset(CLAIMS)
    conventions: Mapping[str, str] = field(default_factory=lambda: dict(CONVENTIONS))
    arithmetic: Any = None

    @classmethod
    def of(cls, made: Implementation, conventions: Mapping[str, str]) -> Terms:
        """The terms of an implementation whose conventions are settled."""
        return cls(made.options, made.claims, dict(conventions), made.arithmetic)


def suspect(name: str, terms: Terms = Terms(), operation: str | None = None) -> Implementation:
    """A fault, or `correct`, fresh of anything that it remembers. Raises KeyError for an unknown name.

    operation: whose definition `correct` is, which needs it; a fault has its own.
    """
    whose = FAULTS[name].operation if name in FAULTS else str(operation)
    function = as_callable(name, operation=whose, **terms.conventions)
    made = implementation_of(
        function,
        name=name,
        operation=whose,
        dtypes=DTYPES,
        conventions=terms.conventions,
        claims=terms.claims,
        arithmetic=terms.arithmetic,
        backward=getattr(function, "backward", None),
    )
    return made if terms.options is None else replace(made, options=made.options & terms.options)


def no_mistake(fault: Fault, conventions: Mapping[str, str]) -> str | None:
    """Why a fault is no mistake under some conventions, or None."""
    for convention, choice in fault.unless.items():
        if conventions.get(convention) == choice:
            return f"{fault.name} is no mistake where {convention} is {choice}"
    return None


def named(names: Iterable[str] | None = None) -> list[Fault]:
    """The faults of some names, in the order of the catalogue; all of them for None. Raises KeyError for an unknown name."""
    wanted = set(FAULTS) if names is None else set(names)
    for name in wanted - set(FAULTS):
        raise KeyError(name)
    return [fault for fault in FAULTS.values() if fault.name in wanted]
