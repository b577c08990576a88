"""What a call may give beside its output, by the option that asks for it: names, and the shapes that are due.

Options stand here in the order in which results are returned. One that asks for several gives them as a tuple of their own:
(out, (state, normalizer)).
"""

from __future__ import annotations

from typing import Any

from ...reference.linear_attention.features import width
from ..problems.problem import Problem

__all__ = ["EXTRAS", "Asked", "due", "flat", "in_order", "named"]

Asked = tuple[str, ...]
"""Options of EXTRAS, in its order."""

EXTRAS: dict[str, tuple[str, ...]] = {
    "return_lse": ("lse",),
    "return_weights": ("weights",),
    "return_state": ("state", "normalizer"),
}

flat = tuple(name for names in EXTRAS.values() for name in names)
"""Results in whose arrays a layout of heads and positions changes nothing."""


def in_order(options: Any) -> Asked:
    """Those of some options that ask for results."""
    return tuple(option for option in EXTRAS if option in options)


def due(name: str, p: Problem) -> tuple[int, ...]:
    """The shape of a result."""
    if name in ("state", "normalizer"):
        cuts = p.options.get("cu_seqlens")
        entries = p.b if cuts is None else len(cuts) - 1
        shape = (entries, p.hq, width(p.options.get("feature_map", "identity"), p.d), p.dv)
        return shape if name == "state" else shape[:3]
    return {"out": (p.b, p.hq, p.sq, p.dv), "lse": (p.b, p.hq, p.sq), "weights": (p.b, p.hq, p.sq, p.sk)}[name]


def named(result: Any, asked: Asked) -> dict[str, Any] | str:
    """The parts of what a call returned, by name; or a sentence that says what it should have returned."""
    if not asked:
        return {"out": result}
    groups = [("out",), *(EXTRAS[option] for option in asked)]
    wanted = ", ".join(names[0] if len(names) == 1 else f"({', '.join(names)})" for names in groups)
    if not _of_length(result, len(groups)):
        return f"asked for ({wanted}), the call returned {_told(result)}"
    parts: dict[str, Any] = {}
    for names, part in zip(groups, result, strict=True):
        if len(names) > 1 and not _of_length(part, len(names)):
            return f"asked for ({wanted}), the call returned {_told(part)} instead of ({', '.join(names)})"
        parts |= dict(zip(names, part if len(names) > 1 else (part,), strict=True))
    return parts


def _of_length(result: Any, length: int) -> bool:
    return isinstance(result, tuple | list) and len(result) == length


def _told(result: Any) -> str:
    return f"{len(result)} results" if isinstance(result, tuple | list) else type(result).__name__
