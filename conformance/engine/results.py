"""What a call may give beside its output, by the option that asks for it: names, and the shapes that are due.

The operation states its results in the order in which they are returned. An option that asks for several gives them as a tuple
of their own: (out, (state, normalizer)).
"""

from __future__ import annotations

from typing import Any

from ...spec.shapes import sizes_in
from ..hosts.hosted import Brought
from ..operations import Operation, operation_named
from ..problems.problem import Problem

__all__ = ["Asked", "amount", "due", "named"]

Asked = tuple[str, ...]
"""Options that ask for results, in the order of these."""


def due(name: str, p: Problem) -> tuple[int, ...]:
    """The shape of a result."""
    operation = operation_named(p.operation)
    sizes = {**p.sizes, **(operation.widths(p) if operation.widths is not None else {})}
    return tuple(sizes[size] for size in sizes_in(operation.results[name].axes))


def named(result: Any, asked: Asked, operation: Operation) -> dict[str, Any] | str:
    """The parts of what a call returned, by name; or a sentence that says what it should have returned."""
    always = tuple(name for name, each in operation.results.items() if not each.asked)
    groups = [*((name,) for name in always), *(operation.asks[option] for option in asked)]
    if len(groups) == 1:
        return {groups[0][0]: result}
    wanted = ", ".join(names[0] if len(names) == 1 else f"({', '.join(names)})" for names in groups)
    if not _of_length(result, len(groups)):
        return f"asked for ({wanted}), the call returned {amount(result)}"
    parts: dict[str, Any] = {}
    for names, part in zip(groups, result, strict=True):
        if len(names) > 1 and not _of_length(part, len(names)):
            return f"asked for ({wanted}), the call returned {amount(part)} instead of ({', '.join(names)})"
        parts |= dict(zip(names, part if len(names) > 1 else (part,), strict=True))
    return parts


def _of_length(result: Any, length: int) -> bool:
    return isinstance(result, tuple | list) and len(result) == length


def amount(result: Any) -> str:
    """How many results something is, or what it is where it is no tuple."""
    if isinstance(result, tuple | list):
        return f"{len(result)} results"
    return result.kind if isinstance(result, Brought) else type(result).__name__
