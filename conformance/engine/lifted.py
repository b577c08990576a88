"""Laws of one operation that are asked of implementations of another.

An operation that can put problems of attention in its own words, as a pattern or in pages, keeps the laws of attention too.
It says how a problem is put (`Operation.embeds`), and its operation.yaml says which laws are asked (`lifted`). The law, its
problem and what is right stay those of the operation that states it; only the call is another one.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from ...adapters.contract import Implementation
from ...spec.operations import operations
from ..language.law import Law
from ..meaning import derived
from ..operations import operation_named
from ..problems.problem import Problem

__all__ = ["able", "is_lifted", "lifts", "posed"]


def is_lifted(law: Law, implementation: Implementation) -> bool:
    """Whether a law is of another operation than the implementation."""
    return law.operation != implementation.operation


def lifts(implementation: Implementation, law: Law) -> bool:
    """Whether a law of another operation is asked of an implementation.

    One without which some option takes no call would refuse what the law poses.
    """
    if law.operation not in operation_named(implementation.operation).embeds:
        return False
    if implementation.takes.always or implementation.takes.needs:
        return False
    globs = operations()[implementation.operation].get("lifted", {}).get(law.operation, ())
    return any(fnmatchcase(law.id, pattern) for pattern in globs)


def able(implementation: Implementation, law: Law) -> frozenset[str]:
    """The options that problems of a law may have: those that are claimed, or those that can be put for it."""
    if not is_lifted(law, implementation):
        return implementation.options
    own = operation_named(implementation.operation)
    return own.embeds[law.operation].options(implementation.options) | (implementation.options & own.asks.keys())


def posed(p: Problem, implementation: Implementation) -> Problem:
    """The problem as one of the operation of an implementation: p itself, where it is."""
    if p.operation == implementation.operation:
        return p
    put = operation_named(implementation.operation).embeds[p.operation].put
    return derived(p, ("posed", implementation.operation, implementation.options), lambda: put(p, implementation.options))
