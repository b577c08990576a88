"""How a case writes an option: short, stable text from which the option's array can be made again.

One reader serves the query string of a printed case and the literal of a law's `given`, so both accept the same values and
fail in the same words. Readers return None where the value is the option's default, which a case leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ...spec.nearest import nearest
from .blocks import BLOCK_MASKS, BLOCK_SHAPES
from .linear import BETAS, DECAYS, FEATURE_MAPS, GATE_SHAPES, GATES, PACKINGS, STATES
from .masks import BIASES, MASKS, is_shape_code
from .random_features import PROJECTIONS
from .vectors import DESCALES, LENGTHS, SINKS, SLOPES

__all__ = ["OPTIONS", "StructureError", "Value", "read_option", "write_value"]

Value = float | int | bool | str | tuple[int | None, int | None]
Reader = Callable[[object], Value | None]


class StructureError(ValueError):
    """A case that cannot be: an unknown key, a bad value, sizes that do not fit. The message names the thing and the fix."""


def read_option(name: str, given: object) -> Value | None:
    """An option's described value from text or from a literal; None where it equals the default.

    Raises StructureError for an unknown option or a malformed value.
    """
    if name not in OPTIONS:
        raise StructureError(f"unknown option {name!r}{nearest(name, OPTIONS)}; known: {', '.join(OPTIONS)}")
    try:
        return OPTIONS[name](given)
    except StructureError as error:
        raise StructureError(f"{name}={write_value(given)}: {error}") from None


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


def _number(test: Callable[[float], bool], wanted: str, default: float | None = None) -> Reader:
    def read(given: object) -> float | None:
        try:
            number = float(given) if isinstance(given, (str, int, float)) and not isinstance(given, bool) else math.nan
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and test(number)):
            raise StructureError(f"{given!r} is not {wanted}")
        return None if number == default else number

    return read


def _flag(given: object) -> bool | None:
    if given in (True, "1"):
        return True
    if given in (False, "0"):
        return None
    raise StructureError(f"{given!r} is neither 1 nor 0")


def _window(given: object) -> tuple[int | None, int | None]:
    sides = given.split(",") if isinstance(given, str) else given
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        raise StructureError("a window is left,right, each an integer of at least 0 or none, as in 3,0 or none,2")
    left, right = (None if side in (None, "none") else whole(side, 0) for side in sides)
    if left is None and right is None:
        raise StructureError("a window without a limit on either side limits nothing; leave it out")
    return left, right


def _pattern(known: Iterable[str]) -> Reader:
    return lambda given: one_of(given, known, "pattern")


def _patterned(known: Iterable[str]) -> Reader:
    def read(given: object) -> str:
        pattern, colon, code = str(given).partition(":")
        one_of(pattern, known, "pattern")
        if not colon or not is_shape_code(code):
            raise StructureError(
                f"{code!r} names no shape; write {pattern}:<shape> with a shape like bhqk, 11qk, b11k or qk, "
                "aligned to the right, 1 where it broadcasts"
            )
        return f"{pattern}:{code}"

    return read


def _blocked(given: object) -> str:
    pattern, *rest = str(given).split(":")
    one_of(pattern, BLOCK_MASKS, "pattern")
    if len(rest) != 2 or rest[1] not in BLOCK_SHAPES:
        raise StructureError(
            f"{':'.join(rest)!r} is no block size and shape; write {pattern}:<block size>:<shape> with a shape of "
            f"{', '.join(BLOCK_SHAPES)}, as in {pattern}:16:1h"
        )
    return f"{pattern}:{whole(rest[0], 1)}:{rest[1]}"


def _feature_map(given: object) -> str | None:
    name = one_of(given, FEATURE_MAPS, "feature map")
    return None if name == "identity" else name


def _gated(given: object) -> str:
    pattern, _, code = str(given).partition(":")
    one_of(pattern, GATES, "pattern")
    if code not in GATE_SHAPES:
        raise StructureError(f"{code!r} names no shape; write {pattern}:bhs for a factor a step, {pattern}:bhsf for a feature")
    return f"{pattern}:{code}"


def _projected(given: object) -> str:
    pattern, _, count = str(given).partition(":")
    one_of(pattern, PROJECTIONS, "pattern")
    if not count:
        raise StructureError(f"it says no number of features; write {pattern}:<rows>, as in {pattern}:16")
    return f"{pattern}:{whole(count, 1)}"


OPTIONS: dict[str, Reader] = {
    "scale": _number(lambda x: True, "a finite number"),
    "causal": _flag,
    "window": _window,
    "mask": _patterned(MASKS),
    "bias": _patterned(BIASES),
    "alibi_slopes": _pattern(SLOPES),
    "softcap": _number(lambda x: x > 0, "a positive number"),
    "sinks": _pattern(SINKS),
    "segments": lambda given: whole(given, 1),
    "dilation": lambda given: whole(given, 1),
    "global_tokens": lambda given: whole(given, 0),
    "block_mask": _blocked,
    "top_k": lambda given: whole(given, 1),
    "kv_lengths": _pattern(LENGTHS),
    "feature_map": _feature_map,
    "normalize": _flag,
    "decay": _pattern(DECAYS),
    "gate": _gated,
    "beta": _pattern(BETAS),
    "initial_state": _pattern(STATES),
    "cu_seqlens": _pattern(PACKINGS),
    "projection": _projected,
    "num_features": lambda given: whole(given, 1),
    "orthogonal": _flag,
    "q_descale": _pattern(DESCALES),
    "k_descale": _pattern(DESCALES),
    "v_descale": _pattern(DESCALES),
    "dropout_p": _number(lambda x: 0 <= x < 1, "a probability below 1", default=0.0),
    "dropout_seed": lambda given: whole(given, 0),
    "return_lse": _flag,
    "return_weights": _flag,
    "return_state": _flag,
}
"""Options by the key that a case prints, in printing order. `segments` stands for q_segments with kv_segments, and
`block_mask` for block_mask with block_size."""
