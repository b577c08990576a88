"""The options of sparse attention. Block masks are drawn in blocks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ...problems.descriptors import StructureError, Value, one_of, whole, whole_number
from ...problems.option import Ask, Made, Option, Options
from ..over_heads.options import CAUSAL, RETURN_LSE, SCALE, WINDOW, by_its_shape
from .blocks import BLOCK_MASKS, BLOCK_SHAPES, BLOCK_SIZES, draw_block_mask

if TYPE_CHECKING:
    from ...problems.structure import Structure

__all__ = ["OPTIONS"]


def _blocked(given: object) -> str:
    word, *rest = str(given).split(":")
    one_of(word, BLOCK_MASKS, "pattern")
    if len(rest) != 2 or rest[1] not in BLOCK_SHAPES:
        raise StructureError(
            f"{':'.join(rest)!r} is no block size and shape; write {word}:<block size>:<shape> with a shape of "
            f"{', '.join(BLOCK_SHAPES)}, as in {word}:16:1h"
        )
    return f"{word}:{whole(rest[0], 1)}:{rest[1]}"


def _part_of_blocks(given: object) -> Any:
    """`random`, `random:16` or `random:16:1h`."""
    word, *rest = str(given).split(":")
    one_of(word, BLOCK_MASKS, "pattern")
    if len(rest) < 2:
        return ":".join([word, *(str(whole(size, 1)) for size in rest)])
    return _blocked(given)


def _in_blocks(value: Any, drawn: bool, ask: Ask, refused: Collection[str]) -> Any:
    if value.count(":") == 2:
        return value
    sized = value if ":" in value else f"{value}:{ask(*BLOCK_SIZES)}"
    return f"{sized}:{ask(*BLOCK_SHAPES)}"


def _block_mask(value: Value, s: Structure, arrays: Made) -> Made:
    word, size, code = str(value).split(":")
    made = draw_block_mask(word, int(size), code, (s.b, s.hq, s.sq, s.sk), s.stream("block_mask"))
    return {"block_mask": made, "block_size": int(size)}


OPTIONS: Options = {
    "scale": SCALE,
    "causal": CAUSAL,
    "window": WINDOW,
    "dilation": Option(whole_number(1), "a dilation", (2, 3, 5), counts=True),
    "global_tokens": Option(whole_number(0), "global tokens", (1, 2, 5), counts=True),
    "block_mask": Option(
        _blocked, "a block mask", (*BLOCK_MASKS, "random", "random"), part=_part_of_blocks, complete=_in_blocks,
        make=_block_mask, batched=by_its_shape, stands_for=("block_mask", "block_size"),
        shown=("random:16:1h", "full:32:11"), axes={"block_mask": ("b", "hq", "", "")}, broadcasts=True, counts=True,
    ),
    "top_k": Option(whole_number(1), "a choice of keys", (1, 2, 4, 8), on_request=True),
    "return_lse": RETURN_LSE,
}  # fmt: skip
"""By the key that a case prints, in printing order."""
