"""The operations by name. One that nobody registered is an error, and never taken for another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ...spec.operations import UnknownOperation
from .operation import Operation

__all__ = ["UnknownOperation", "known_operations", "operation_named", "register"]

_ADDED: dict[str, Operation] = {}


@cache
def _shipped() -> dict[str, Operation]:
    from .attention import ATTENTION
    from .linear_attention import LINEAR_ATTENTION
    from .random_feature_attention import RANDOM_FEATURE_ATTENTION
    from .sparse_attention import SPARSE_ATTENTION

    return {each.name: each for each in (ATTENTION, SPARSE_ATTENTION, LINEAR_ATTENTION, RANDOM_FEATURE_ATTENTION)}


def known_operations() -> Mapping[str, Operation]:
    """All operations by name, those that come with the kit first."""
    return {**_shipped(), **_ADDED}


def operation_named(name: str) -> Operation:
    """The record of an operation. Raises UnknownOperation."""
    found = _shipped().get(name) or _ADDED.get(name)
    if found is None:
        raise UnknownOperation(
            f"nothing computes the operation {name!r}; known: {', '.join(known_operations())}. An operation that is stated "
            "in a folder of spec needs a record in conformance/operations"
        )
    return found


def register(operation: Operation) -> None:
    """Make an operation known. Raises ValueError where its name is taken."""
    if operation.name in known_operations():
        raise ValueError(f"the operation {operation.name!r} is known already")
    _ADDED[operation.name] = operation
