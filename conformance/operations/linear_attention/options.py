"""The options of linear attention. What arrays they become stands in drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...problems.descriptors import StructureError, Value, flag, one_of, pattern
from ...problems.option import Made, Option, Options
from ..over_heads.options import CAUSAL, KV_LENGTHS, SCALE, always, completed, pattern_or
from .drawn import BETAS, DECAYS, FEATURE_MAPS, GATE_SHAPES, GATES, PACKINGS, STATES, draw_linear

if TYPE_CHECKING:
    from ...problems.structure import Structure

__all__ = ["OPTIONS"]

OF_STEPS = ("b", "hq", "sk")


def _feature_map(given: object) -> str | None:
    name = one_of(given, FEATURE_MAPS, "feature map")
    return None if name == "identity" else name


def _gated(given: object) -> str:
    word, _, code = str(given).partition(":")
    one_of(word, GATES, "pattern")
    if code not in GATE_SHAPES:
        raise StructureError(f"{code!r} names no shape; write {word}:bhs for a factor a step, {word}:bhsf for a feature")
    return f"{word}:{code}"


def _linear(name: str) -> Callable[[Value, Structure, Made], Made]:
    return lambda value, s, arrays: {name: draw_linear(name, value, s, arrays)}


def _unpacked(value: Value, s: Structure) -> bool:
    return "cu_seqlens" not in s.described


OPTIONS: Options = {
    "scale": SCALE,
    "causal": CAUSAL,
    "kv_lengths": KV_LENGTHS,
    "feature_map": Option(_feature_map, "a feature map", ("elu1", *FEATURE_MAPS[1:], "elu1", "exp")),
    "normalize": Option(flag, "a normaliser", apart=("beta",), shown=(True,)),
    "decay": Option(pattern(DECAYS), "a decay", DECAYS, make=_linear("decay"), axes={"decay": ("hq",)}),
    "gate": Option(
        _gated, "a gate", (*GATES, "mild", "mild"), part=pattern_or(_gated, GATES), complete=completed(GATE_SHAPES),
        make=_linear("gate"), batched=always, shown=("mild:bhs", "mild:bhsf"),
        axes={"gate": OF_STEPS},
    ),
    "beta": Option(
        pattern(BETAS), "the delta rule", (*BETAS, "random"), make=_linear("beta"), batched=always, axes={"beta": OF_STEPS}
    ),
    "initial_state": Option(
        pattern(STATES), "an initial state", STATES, make=_linear("initial_state"), batched=_unpacked,
        axes={"initial_state": ("b", "hq")},  # A packed batch has one entry, and a state for each sequence.
    ),
    "cu_seqlens": Option(pattern(PACKINGS), "packed sequences", PACKINGS, make=_linear("cu_seqlens"), apart=("kv_lengths",)),
    "return_state": Option(flag, on_request=True),
}  # fmt: skip
"""By the key that a case prints, in printing order."""
