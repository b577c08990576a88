"""Decides one relation between two bounded values.

`≈` holds where the two intervals meet, `≤` where they leave room for it, `==` where the values are the same (NaN equals
NaN, the two zeros are equal). NaN and infinities are compared by position before any distance is looked at. Where nothing is
known of an entry, as where the declared arithmetic overflows, one of them breaks nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..bounded import Bounded, bounded
from ..vocabulary.word import Undecided
from .symptom import Symptom

__all__ = ["Decision", "decide"]

SHOWN = 4


@dataclass
class Decision:
    """holds: no entry breaks the relation. entries: how many were compared. vacuous: how many of them had no finite bound.

    ratio: the largest distance / allowed distance, None for == and for infinite bounds.
    strange: whether NaN or an infinity is among what breaks it. broken: sentences about the worst entries.
    estimate: of a single number that reads itself, its uncertainty and the sentence.
    symptom: what the broken entries look like, where some are and sentences were asked for.
    softened: an equation that asks for the same bits was held within bounds instead.
    """

    holds: bool
    entries: int
    vacuous: int = 0
    ratio: float | None = None
    strange: bool = False
    broken: list[str] = field(default_factory=list)
    estimate: tuple[float, str] | None = None
    symptom: Symptom | None = None
    softened: bool = False


def decide(left: Any, relation: str, right: Any, where: Any = None, *, sentences: bool = True) -> Decision:
    """Compare two values, or only the entries that `where` selects. Raises Undecided where it selects none.

    sentences: whether to say what is broken.
    """
    a, b, selected = _together(bounded(left), bounded(right), where)
    if not selected.any():
        raise Undecided("no entry meets the condition of the law" if where is not None else "there is nothing to compare")
    if relation == "≥":
        a, b, relation = b, a, "≤"
    compare = {"==": _same, "≈": _meets, "≤": _below}[relation]
    with np.errstate(all="ignore"):
        bad, ratio, vacuous = (None if x is None else np.asarray(x) for x in compare(a, b))
    bad, vacuous = bad & selected, vacuous & selected
    worst = None
    if ratio is not None:
        finite = selected & np.isfinite(ratio)
        worst = float(np.max(ratio[finite])) if finite.any() else None
    reading = _reading(left, a) or _reading(right, b)
    broken = _sentences(a, b, bad, ratio, reading) if sentences and bad.any() else []
    estimate = None
    if reading and selected.size == 1 and (uncertain := float(np.max(a.bound + b.bound))):  # A fact is no estimate.
        estimate = (uncertain, reading(np.argwhere(selected))[0])
    strange = bool((bad & ~(np.isfinite(a.value) & np.isfinite(b.value))).any())
    symptom = Symptom(bad, a.value, b.value) if broken else None
    return Decision(not bad.any(), int(selected.sum()), int(vacuous.sum()), worst, strange, broken, estimate, symptom)


def _reading(side: Any, compared: Bounded) -> Callable[[Any], list[str]] | None:
    """How a side reads its entries, where the places compared are its own."""
    return side.reading if isinstance(side, Bounded) and side.shape == compared.shape else None


def _together(a: Bounded, b: Bounded, where: Any) -> tuple[Bounded, Bounded, Any]:
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(f"the two sides have the shapes {a.shape} and {b.shape}, which do not match") from None
    selected = np.ones(shape, dtype=bool)
    if where is not None:
        condition = bounded(where).value != 0
        if condition.ndim == len(shape) + 1 and condition.shape[-1] == 1:
            condition = condition[..., 0]
        try:
            selected = np.broadcast_to(condition, np.broadcast_shapes(shape, condition.shape))
        except ValueError:
            raise ValueError(f"where has the shape {condition.shape}, which does not match the sides, {shape}") from None
        shape = selected.shape
    return a.each(lambda x: np.broadcast_to(x, shape)), b.each(lambda x: np.broadcast_to(x, shape)), selected


def _same(a: Bounded, b: Bounded) -> tuple[Any, Any, Any]:
    same = (a.value == b.value) | (np.isnan(a.value) & np.isnan(b.value))
    vacuous = ~same & ((_unknown(a) & ~np.isfinite(a.value)) | (_unknown(b) & ~np.isfinite(b.value)))
    return ~same & ~vacuous, None, vacuous


def _meets(a: Bounded, b: Bounded) -> tuple[Any, Any, Any]:
    finite = np.isfinite(a.value) & np.isfinite(b.value)
    same_class = (a.value == b.value) | (np.isnan(a.value) & np.isnan(b.value))
    apart = (a.low > b.high) | (b.low > a.high)
    above = a.value > b.value
    allowed = np.where(above, (a.value - a.low) + (b.high - b.value), (a.high - a.value) + (b.value - b.low))
    vacuous = (finite & ~np.isfinite(allowed)) | _unknown(a) | _unknown(b)
    return np.where(finite, apart, ~same_class) & ~vacuous, _ratio(np.abs(a.value - b.value), allowed, finite), vacuous


def _below(a: Bounded, b: Bounded) -> tuple[Any, Any, Any]:
    unordered = np.isnan(a.value) | np.isnan(b.value)
    finite = np.isfinite(a.value) & np.isfinite(b.value)
    allowed = (a.value - a.low) + (b.high - b.value)
    ratio = _ratio(np.maximum(a.value - b.value, 0.0), allowed, finite)
    vacuous = (finite & ~np.isfinite(allowed)) | _unknown(a) | _unknown(b)
    return (unordered | (a.low > b.high)) & ~vacuous, ratio, vacuous


def _unknown(x: Bounded) -> Any:
    return np.isneginf(x.low) & np.isposinf(x.high)


def _ratio(distance: Any, allowed: Any, finite: Any) -> Any:
    ratio = np.where(distance == 0, 0.0, distance / allowed)
    return np.where(finite, ratio, np.nan)


def _sentences(a: Bounded, b: Bounded, bad: Any, ratio: Any, reading: Callable[[Any], list[str]] | None) -> list[str]:
    places = np.argwhere(bad)
    total = bad.size
    lines = [f"{len(places)} of {total} entries break it"]
    if ratio is not None:
        order = np.argsort(-np.nan_to_num(ratio[bad], nan=np.inf, posinf=np.inf), kind="stable")
        places = places[order]
    if reading is not None:
        return lines + reading(places[:SHOWN])
    for place in places[:SHOWN]:
        index = tuple(int(i) for i in place)
        left, right = a.value[index], b.value[index]
        line = f"at {list(index)}: {left:.9g} against {right:.9g}"
        if np.isfinite(left) and np.isfinite(right):
            line += f", apart by {abs(left - right):.3g}"
            room = (a.bound + b.bound)[index]
            if ratio is not None and np.isfinite(room):
                line += f" where {room:.3g} is allowed"
        lines.append(line)
    return lines
