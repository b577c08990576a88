"""Options that several kinds of attention over heads have, and what the reading and drawing of others has in common."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ...problems.descriptors import Reader, StructureError, Value, flag, number, pattern, whole, whole_number
from ...problems.option import Ask, Option, Relative
from .lengths import LENGTHS, draw_lengths

if TYPE_CHECKING:
    from ...problems.structure import Structure

__all__ = ["CAUSAL", "KV_LENGTHS", "RETURN_LSE", "SCALE", "SEED", "WINDOW", "always", "by_its_shape", "completed", "pattern_or"]

WINDOWS = ((0, 0), (3, 0), (None, 2), (1, 2), (0, 3), (2, None), (5, 17), (15, 0), (16, 16))
SCALES = (2.0, 0.5, 0.3, 1.25)
"""Multiples of the default 1/sqrt(D), so that scores keep their size; the drawn scale has three digits."""


def _window(given: object) -> tuple[int | None, int | None]:
    sides = given.split(",") if isinstance(given, str) else given
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        raise StructureError("a window is left,right, each an integer of at least 0 or none, as in 3,0 or none,2")
    left, right = (None if side in (None, "none") else whole(side, 0) for side in sides)
    if left is None and right is None:
        raise StructureError("a window without a limit on either side limits nothing; leave it out")
    return left, right


def _of_the_default(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
    """A drawn scale is a multiple of the default, which is known with D."""
    return Relative(lambda sizes: float(f"{value / sizes['d'] ** 0.5:.3g}")) if drawn else value


def pattern_or(read: Reader, known: Collection[str]) -> Callable[[object], Any]:
    """A pattern by itself, or all of it."""
    return lambda given: given if isinstance(given, str) and given in known else read(given)


def completed(known: tuple[Any, ...]) -> Callable[[Any, bool, Ask, Collection[str]], Any]:
    """What a pattern without a shape, or a number, is completed with."""

    def complete(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
        return value if ":" in value else f"{value}:{ask(*known)}"

    return complete


def always(value: Value, s: Structure) -> bool:
    """The batch is the first axis of what it becomes, whatever its value."""
    return True


def by_its_shape(value: Value, s: Structure) -> bool:
    """So is it where the shape that the value names begins with b."""
    return str(value).rpartition(":")[2].startswith("b")


SCALE = Option(number(lambda x: True, "a finite number"), "a scale", SCALES, complete=_of_the_default, shown=(0.5, 0.25))
CAUSAL = Option(flag, "causality", counts=True, sized=True)
WINDOW = Option(_window, "a window", WINDOWS, several=True, shown=((3, 0), (1, 2)), counts=True, sized=True)
KV_LENGTHS = Option(
    pattern(LENGTHS),
    "lengths",
    (*LENGTHS, "random", "random"),
    batched=always,
    make=lambda value, s, arrays: {"kv_lengths": draw_lengths(str(value), s.b, s.sk, s.stream("kv_lengths"))},
    axes={"kv_lengths": ("b",)},
    counts=True,
    sized=True,
)
SEED = Option(
    whole_number(0),
    seeds=True,
    on_request=True,
    make=lambda value, s, arrays: {"seed": value},
    stands_for=("seed",),
    adds=True,
    shown=(1, 2),
)
"""Cases call it dropout_seed, whatever an implementation draws with it."""

RETURN_LSE = Option(flag, on_request=True, sized=True)
