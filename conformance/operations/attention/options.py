"""The options of attention. What arrays they become is drawn in masks and vectors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from ...problems.descriptors import Reader, StructureError, Value, flag, number, one_of, pattern, whole_number
from ...problems.dtypes import bias_dtype
from ...problems.option import Ask, Made, Option, Options
from ..over_heads.options import CAUSAL, KV_LENGTHS, RETURN_LSE, SCALE, SEED, WINDOW, always, by_its_shape, pattern_or
from .masks import BIASES, MASKS, draw_bias, draw_mask, is_shape_code
from .vectors import DESCALES, SINKS, SLOPES, draw_descales, draw_segments, draw_sinks, draw_slopes

if TYPE_CHECKING:
    from ...problems.structure import Structure

__all__ = ["OPTIONS"]

OF_SCORES = ("b", "hq", "sq", "sk")

CODES = ("qk", "11qk", "b11k", "1hqk", "b1qk", "bhqk", "hqk")
"""Shapes of a mask or bias that are drawn."""

TELLING = ("qk", "b11k", "bhqk")
"""Those that are asked for where each call is compiled or interpreted."""


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


def _with_a_shape(name: str) -> Callable[[Any, bool, Ask, Collection[str]], Any]:
    def complete(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
        codes = [code for code in CODES if f"{name}:{code}" not in refused]
        return value if ":" in value else f"{value}:{ask(*(codes or CODES))}"

    return complete


def _segments(value: Value, s: Structure, arrays: Made) -> Made:
    q_ids, kv_ids = draw_segments(int(value), s.b, s.sq, s.sk, s.stream("q_segments"), s.stream("kv_segments"))  # type: ignore[arg-type]
    return {"q_segments": q_ids, "kv_segments": kv_ids}


def _mask(value: Value, s: Structure, arrays: Made) -> Made:
    word, _, code = str(value).partition(":")
    return {"mask": draw_mask(word, code, (s.b, s.hq, s.sq, s.sk), s.stream("mask"))}


def _bias(value: Value, s: Structure, arrays: Made) -> Made:
    word, _, code = str(value).partition(":")
    return {"bias": draw_bias(word, code, (s.b, s.hq, s.sq, s.sk), bias_dtype(s.dtype), s.stream("bias"))}


def _descale(name: str) -> Option:
    def make(value: Value, s: Structure, arrays: Made) -> Made:
        return {name: draw_descales(str(value), s.b, s.hkv, s.stream(name))}

    return Option(pattern(DESCALES), drawn=DESCALES, make=make, batched=always, axes={name: ("b", "hkv")})


OPTIONS: Options = {
    "scale": SCALE,
    "causal": CAUSAL,
    "window": WINDOW,
    "mask": Option(
        _patterned(MASKS), "a mask", tuple(MASKS), part=pattern_or(_patterned(MASKS), MASKS), complete=_with_a_shape("mask"),
        make=_mask, batched=by_its_shape, shapes=CODES, telling=TELLING, shown=("random:bhqk", "full:qk"),
        axes={"mask": OF_SCORES}, broadcasts=True, sized=True,
    ),
    "bias": Option(
        _patterned(BIASES), "a bias", tuple(BIASES), part=pattern_or(_patterned(BIASES), BIASES),
        complete=_with_a_shape("bias"), make=_bias, batched=by_its_shape, shapes=CODES, telling=TELLING,
        shown=("normal:bhqk", "normal:qk"), axes={"bias": OF_SCORES}, broadcasts=True, sized=True, adds=True,
    ),
    "alibi_slopes": Option(
        pattern(SLOPES), "ALiBi", SLOPES,
        make=lambda value, s, arrays: {"alibi_slopes": draw_slopes(str(value), s.hq, s.stream("alibi_slopes"))},
        axes={"alibi_slopes": ("hq",)}, counts=True, sized=True, adds=True,
    ),
    "softcap": Option(number(lambda x: x > 0, "a positive number"), "a softcap", (30.0, 5.0, 50.0), adds=True, carried=False),
    "sinks": Option(
        pattern(SINKS), "sinks", SINKS,
        make=lambda value, s, arrays: {"sinks": draw_sinks(str(value), s.hq, s.stream("sinks"))},
        axes={"sinks": ("hq",)}, adds=True, carried=False,
    ),
    "segments": Option(
        whole_number(1), "segments", (2, 3, 5), make=_segments, batched=always, stands_for=("q_segments", "kv_segments"),
        axes={"q_segments": ("b", "sq"), "kv_segments": ("b", "sk")}, counts=True, sized=True,
    ),
    "kv_lengths": KV_LENGTHS,
    "q_descale": _descale("q_descale"),
    "k_descale": _descale("k_descale"),
    "v_descale": _descale("v_descale"),
    "dropout_p": Option(
        number(lambda x: 0 <= x < 1, "a probability below 1", default=0.0), "dropout", (0.5, 0.25, 0.1), on_request=True,
        shown=(0.5, 0.25), adds=True, carried=False,
    ),
    "dropout_seed": SEED,
    "return_lse": RETURN_LSE,
    "return_weights": Option(flag, on_request=True),
}  # fmt: skip
"""By the key that a case prints, in printing order."""
