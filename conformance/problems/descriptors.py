"""How a case writes an option: short, stable text from which the option's array can be made again.

One reader serves the query string of a printed case and the literal of a law's `given`, so both accept the same values and
fail in the same words. Readers return None where the value is the option's default, which a case leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ...spec.nearest import nearest

__all__ = ["Reader", "StructureError", "Value", "flag", "number", "one_of", "pattern", "whole", "whole_number", "write_value"]

Value = float | int | bool | str | tuple[int | None, int | None]
Reader = Callable[[object], Value | None]


class StructureError(ValueError):
    """A case that cannot be: an unknown key, a bad value, sizes that do not fit. The message names the thing and the fix."""


def write_value(value: object) -> str:
    """The text of a described value, which its reader reads back to the same value."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, (tuple, list)):
        return ",".join("none" if side is None else str(side) for side in value)
    return str(value)


def one_of(word: object, known: Iterable[str], what: str) -> str:
    """The word, if it is known. Raises StructureError."""
    names = tuple(known)
    if not isinstance(word, str) or word not in names:
        raise StructureError(f"unknown {what} {word!r}{nearest(str(word), names)}; known: {', '.join(names)}")
    return word


def whole(given: object, least: int) -> int:
    """An integer of at least `least`. Raises StructureError."""
    try:
        number = int(given) if isinstance(given, (str, int)) and not isinstance(given, bool) else None
    except ValueError:
        number = None
    if number is None or number < least:
        raise StructureError(f"{given!r} is not an integer of at least {least}")
    return number


def number(test: Callable[[float], bool], wanted: str, default: float | None = None) -> Reader:
    """Reads a finite number of which a test holds, in words `wanted`; None for the default."""

    def read(given: object) -> float | None:
        try:
            made = float(given) if isinstance(given, (str, int, float)) and not isinstance(given, bool) else math.nan
        except ValueError:
            made = math.nan
        if not (math.isfinite(made) and test(made)):
            raise StructureError(f"{given!r} is not {wanted}")
        return None if made == default else made

    return read


def flag(given: object) -> bool | None:
    """Whether it is given. Raises StructureError."""
    if given in (True, "1"):
        return True
    if given in (False, "0"):
        return None
    raise StructureError(f"{given!r} is neither 1 nor 0")


def whole_number(least: int) -> Reader:
    """Reads an integer of at least `least`."""
    return lambda given: whole(given, least)


def pattern(known: Iterable[str]) -> Reader:
    """Reads the name of a pattern."""
    return lambda given: one_of(given, known, "pattern")
