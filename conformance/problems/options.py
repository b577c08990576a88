"""The options of attention, sparse, linear and random feature attention, each in one record.

What arrays they become is drawn in masks, blocks, vectors, linear and random_features.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from ...spec.operations import operations
from .blocks import BLOCK_MASKS, BLOCK_SHAPES, BLOCK_SIZES, draw_block_mask
from .descriptors import Reader, StructureError, Value, flag, number, one_of, pattern, whole, whole_number
from .linear import BETAS, DECAYS, FEATURE_MAPS, GATE_SHAPES, GATES, PACKINGS, STATES, draw_linear
from .masks import BIASES, MASKS, bias_dtype, draw_bias, draw_mask, is_shape_code
from .option import Ask, Made, Option, Options, Relative
from .random_features import FEATURE_COUNTS, PROJECTIONS, draw_given_projection
from .vectors import (
    DESCALES,
    LENGTHS,
    SINKS,
    SLOPES,
    draw_descales,
    draw_lengths,
    draw_segments,
    draw_sinks,
    draw_slopes,
)

if TYPE_CHECKING:
    from .structure import Structure

__all__ = ["OPTIONS", "options_of"]

CODES = ("qk", "11qk", "b11k", "1hqk", "b1qk", "bhqk", "hqk")
"""Shapes of a mask or bias that are drawn."""

TELLING = ("qk", "b11k", "bhqk")
"""Those that are asked for where each call is compiled or interpreted."""

WINDOWS = ((0, 0), (3, 0), (None, 2), (1, 2), (0, 3), (2, None), (5, 17), (15, 0), (16, 16))
SCALES = (2.0, 0.5, 0.3, 1.25)
"""Multiples of the default 1/sqrt(D), so that scores keep their size; the drawn scale has three digits."""


# How they are read


def _window(given: object) -> tuple[int | None, int | None]:
    sides = given.split(",") if isinstance(given, str) else given
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        raise StructureError("a window is left,right, each an integer of at least 0 or none, as in 3,0 or none,2")
    left, right = (None if side in (None, "none") else whole(side, 0) for side in sides)
    if left is None and right is None:
        raise StructureError("a window without a limit on either side limits nothing; leave it out")
    return left, right


def _patterned(known: Iterable[str]) -> Reader:
    def read(given: object) -> str:
        word, colon, code = str(given).partition(":")
        one_of(word, known, "pattern")
        if not colon or not is_shape_code(code):
            raise StructureError(
                f"{code!r} names no shape; write {word}:<shape> with a shape like bhqk, 11qk, b11k or qk, "
                "aligned to the right, 1 where it broadcasts"
            )
        return f"{word}:{code}"

    return read


def _blocked(given: object) -> str:
    word, *rest = str(given).split(":")
    one_of(word, BLOCK_MASKS, "pattern")
    if len(rest) != 2 or rest[1] not in BLOCK_SHAPES:
        raise StructureError(
            f"{':'.join(rest)!r} is no block size and shape; write {word}:<block size>:<shape> with a shape of "
            f"{', '.join(BLOCK_SHAPES)}, as in {word}:16:1h"
        )
    return f"{word}:{whole(rest[0], 1)}:{rest[1]}"


def _feature_map(given: object) -> str | None:
    name = one_of(given, FEATURE_MAPS, "feature map")
    return None if name == "identity" else name


def _gated(given: object) -> str:
    word, _, code = str(given).partition(":")
    one_of(word, GATES, "pattern")
    if code not in GATE_SHAPES:
        raise StructureError(f"{code!r} names no shape; write {word}:bhs for a factor a step, {word}:bhsf for a feature")
    return f"{word}:{code}"


def _projected(given: object) -> str:
    word, _, count = str(given).partition(":")
    one_of(word, PROJECTIONS, "pattern")
    if not count:
        raise StructureError(f"it says no number of features; write {word}:<rows>, as in {word}:16")
    return f"{word}:{whole(count, 1)}"


# What a law may leave out, and what is drawn for it


def _pattern_or(read: Reader, known: Collection[str]) -> Callable[[object], Any]:
    """A pattern by itself, or all of it."""
    return lambda given: given if isinstance(given, str) and given in known else read(given)


def _part_of_blocks(given: object) -> Any:
    """`random`, `random:16` or `random:16:1h`."""
    word, *rest = str(given).split(":")
    one_of(word, BLOCK_MASKS, "pattern")
    if len(rest) < 2:
        return ":".join([word, *(str(whole(size, 1)) for size in rest)])
    return _blocked(given)


def _completed(known: tuple[Any, ...]) -> Callable[[Any, bool, Ask, Collection[str]], Any]:
    def complete(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
        return value if ":" in value else f"{value}:{ask(*known)}"

    return complete


def _with_a_shape(name: str) -> Callable[[Any, bool, Ask, Collection[str]], Any]:
    def complete(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
        codes = [code for code in CODES if f"{name}:{code}" not in refused]
        return value if ":" in value else f"{value}:{ask(*(codes or CODES))}"

    return complete


def _in_blocks(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
    if value.count(":") == 2:
        return value
    sized = value if ":" in value else f"{value}:{ask(*BLOCK_SIZES)}"
    return f"{sized}:{ask(*BLOCK_SHAPES)}"


def _of_the_default(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
    """A drawn scale is a multiple of the default, which is known with D."""
    return Relative(lambda sizes: float(f"{value / sizes['d'] ** 0.5:.3g}")) if drawn else value


# What they become


def _segments(value: Value, s: Structure, arrays: Made) -> Made:
    q_ids, kv_ids = draw_segments(int(value), s.b, s.sq, s.sk, s.stream("q_segments"), s.stream("kv_segments"))  # type: ignore[arg-type]
    return {"q_segments": q_ids, "kv_segments": kv_ids}


def _mask(value: Value, s: Structure, arrays: Made) -> Made:
    word, _, code = str(value).partition(":")
    return {"mask": draw_mask(word, code, (s.b, s.hq, s.sq, s.sk), s.stream("mask"))}


def _bias(value: Value, s: Structure, arrays: Made) -> Made:
    word, _, code = str(value).partition(":")
    return {"bias": draw_bias(word, code, (s.b, s.hq, s.sq, s.sk), bias_dtype(s.dtype), s.stream("bias"))}


def _block_mask(value: Value, s: Structure, arrays: Made) -> Made:
    word, size, code = str(value).split(":")
    made = draw_block_mask(word, int(size), code, (s.b, s.hq, s.sq, s.sk), s.stream("block_mask"))
    return {"block_mask": made, "block_size": int(size)}


def _descale(name: str) -> Option:
    def make(value: Value, s: Structure, arrays: Made) -> Made:
        return {name: draw_descales(str(value), s.b, s.hkv, s.stream(name))}

    return Option(pattern(DESCALES), drawn=DESCALES, make=make, batched=_always)


def _linear(name: str) -> Callable[[Value, Structure, Made], Made]:
    return lambda value, s, arrays: {name: draw_linear(name, value, s, arrays)}


def _always(value: Value, s: Structure) -> bool:
    return True


def _by_its_shape(value: Value, s: Structure) -> bool:
    return str(value).rpartition(":")[2].startswith("b")


def _unpacked(value: Value, s: Structure) -> bool:
    return "cu_seqlens" not in s.described


OPTIONS: Options = {
    "scale": Option(
        number(lambda x: True, "a finite number"), "a scale", SCALES, complete=_of_the_default, shown=(0.5, 0.25)
    ),
    "causal": Option(flag, "causality"),
    "window": Option(_window, "a window", WINDOWS, several=True, shown=((3, 0), (1, 2))),
    "mask": Option(
        _patterned(MASKS), "a mask", tuple(MASKS), part=_pattern_or(_patterned(MASKS), MASKS), complete=_with_a_shape("mask"),
        make=_mask, batched=_by_its_shape, shapes=CODES, telling=TELLING, shown=("random:bhqk", "full:qk"),
    ),
    "bias": Option(
        _patterned(BIASES), "a bias", tuple(BIASES), part=_pattern_or(_patterned(BIASES), BIASES),
        complete=_with_a_shape("bias"), make=_bias, batched=_by_its_shape, shapes=CODES, telling=TELLING,
        shown=("normal:bhqk", "normal:qk"),
    ),
    "alibi_slopes": Option(
        pattern(SLOPES), "ALiBi", SLOPES,
        make=lambda value, s, arrays: {"alibi_slopes": draw_slopes(str(value), s.hq, s.stream("alibi_slopes"))},
    ),
    "softcap": Option(number(lambda x: x > 0, "a positive number"), "a softcap", (30.0, 5.0, 50.0)),
    "sinks": Option(
        pattern(SINKS), "sinks", SINKS, make=lambda value, s, arrays: {"sinks": draw_sinks(str(value), s.hq, s.stream("sinks"))}
    ),
    "segments": Option(
        whole_number(1), "segments", (2, 3, 5), make=_segments, batched=_always, stands_for=("q_segments", "kv_segments")
    ),
    "dilation": Option(whole_number(1), "a dilation", (2, 3, 5)),
    "global_tokens": Option(whole_number(0), "global tokens", (1, 2, 5)),
    "block_mask": Option(
        _blocked, "a block mask", (*BLOCK_MASKS, "random", "random"), part=_part_of_blocks, complete=_in_blocks,
        make=_block_mask, batched=_by_its_shape, stands_for=("block_mask", "block_size"),
        shown=("random:16:1h", "full:32:11"),
    ),
    "top_k": Option(whole_number(1), "a choice of keys", (1, 2, 4, 8), on_request=True),
    "kv_lengths": Option(
        pattern(LENGTHS), "lengths", (*LENGTHS, "random", "random"), batched=_always,
        make=lambda value, s, arrays: {"kv_lengths": draw_lengths(str(value), s.b, s.sk, s.stream("kv_lengths"))},
    ),
    "feature_map": Option(_feature_map, "a feature map", ("elu1", *FEATURE_MAPS[1:], "elu1", "exp")),
    "normalize": Option(flag, "a normaliser", apart=("beta",), shown=(True,)),
    "decay": Option(pattern(DECAYS), "a decay", DECAYS, make=_linear("decay")),
    "gate": Option(
        _gated, "a gate", (*GATES, "mild", "mild"), part=_pattern_or(_gated, GATES), complete=_completed(GATE_SHAPES),
        make=_linear("gate"), batched=_always, shown=("mild:bhs", "mild:bhsf"),
    ),
    "beta": Option(pattern(BETAS), "the delta rule", (*BETAS, "random"), make=_linear("beta"), batched=_always),
    "initial_state": Option(pattern(STATES), "an initial state", STATES, make=_linear("initial_state"), batched=_unpacked),
    "cu_seqlens": Option(pattern(PACKINGS), "packed sequences", PACKINGS, make=_linear("cu_seqlens"), apart=("kv_lengths",)),
    "projection": Option(
        _projected, drawn=PROJECTIONS, part=_pattern_or(_projected, PROJECTIONS), complete=_completed(FEATURE_COUNTS),
        make=lambda value, s, arrays: {"projection": draw_given_projection(str(value), s)},
        apart=("num_features", "orthogonal"), shown=("normal:16", "normal:8"),
    ),
    "num_features": Option(whole_number(1), drawn=FEATURE_COUNTS, on_request=True),
    "orthogonal": Option(flag, on_request=True),
    "q_descale": _descale("q_descale"),
    "k_descale": _descale("k_descale"),
    "v_descale": _descale("v_descale"),
    "dropout_p": Option(
        number(lambda x: 0 <= x < 1, "a probability below 1", default=0.0), "dropout", (0.5, 0.25, 0.1), on_request=True,
        shown=(0.5, 0.25),
    ),
    "dropout_seed": Option(
        whole_number(0), seeds=True, on_request=True, make=lambda value, s, arrays: {"seed": value}, stands_for=("seed",),
        shown=(1, 2),
    ),
    "return_lse": Option(flag, on_request=True),
    "return_weights": Option(flag, on_request=True),
    "return_state": Option(flag, on_request=True),
}  # fmt: skip
"""By the key that a case prints, in printing order."""


def options_of(operation: str) -> Options:
    """Those that an operation states."""
    stated = operations()[operation]["options"]
    return {name: option for name, option in OPTIONS.items() if set(option.stands_for or (name,)) <= set(stated)}
