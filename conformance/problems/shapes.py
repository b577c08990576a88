"""Draws the sizes of one problem from a pool, under the wishes of a law.

Each size comes from a tuple that ascends, so a shrinker makes each one smaller on its own. An operation whose sizes go together
says how they are picked, and what whole shapes a backend that compiles meets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from ..operations.operation import Operation
from .given import SizeWish
from .sizes import Pool
from .taken import NotTaken

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["ANY", "RATIOS", "Pick", "Wishes", "check_shape", "choice", "draw_shape", "fitting"]

ANY = SizeWish()
RATIOS = (1, 2, 3, 7)
"""Query heads to each key/value head, where a law fixes only the key/value heads; and so for every size that is a multiple."""

FEW = 3
"""Lengths of an operation without whole shapes, where each shape is compiled."""

Wishes = Mapping[str, SizeWish]
Draw = Callable[[Any], Any]
"""Draws from a strategy."""
Pick = Callable[[str, tuple[Any, ...]], Any]
"""Takes one of several sizes, of the given name, or of several pairs of heads."""


@lru_cache(maxsize=4096, typed=True)
def choice(*values: Any) -> SearchStrategy[Any]:
    """One of the values; the first is the simplest. Kept, because making a strategy costs more than drawing from it.

    The cache is typed, because True and 1 are equal and are not the same value of an option. One value is a draw as well: a
    shrinker takes what needs fewer draws for simpler, and long sequences leave fewer heads to choose from.
    """
    from hypothesis import strategies

    return strategies.sampled_from(values if len(values) > 1 else values * 2)


def draw_shape(draw: Draw, wishes: Wishes, pool: Pool, operation: Operation) -> dict[str, int]:
    """The sizes of an operation. Those that a law lists may exceed the pool's cap; drawn ones do not.

    Raises StructureError where the wishes for hq and hkv have no common pair, NotTaken where the implementation takes nothing
    that is wished.
    """
    if operation.whole is not None and pool.shapes:
        return dict(zip(operation.sizes, draw(choice(*operation.whole(wishes, pool))), strict=True))
    pick = operation.pick or partial(_each, operation)
    return pick(lambda name, among: draw(choice(*among)), wishes, pool, None)


def check_shape(wishes: Wishes, pool: Pool, operation: Operation) -> None:
    """Raises NotTaken where no shape can be drawn, neither of the simplest sizes nor of the largest; else does nothing."""
    if operation.whole is not None and pool.shapes:
        operation.whole(wishes, pool)
        return
    pick = operation.pick or partial(_each, operation)
    try:
        pick(lambda name, among: among[0], wishes, pool, None)
    except NotTaken:
        pick(lambda name, among: among[-1], wishes, pool, None)


def _each(operation: Operation, pick: Pick, wishes: Wishes, pool: Pool, base: object) -> dict[str, int]:
    """Sizes that know nothing of each other, but which of them are multiples of others, and that their product is no more than
    the cap.
    """
    made: dict[str, int] = {}
    lengths = tuple(dict.fromkeys((*pool.widths, *pool.lengths)))[: FEW if pool.shapes else None]
    multiples = {size.multiple_of: size for size in operation.sizes.values() if size.multiple_of}
    for name in sorted(operation.sizes, key=lambda each: bool(operation.sizes[each].multiple_of)):
        wish, size = wishes.get(name, ANY), operation.sizes[name]
        if wish.like:
            continue
        unit = made.get(size.multiple_of, 1)
        left = pool.cap // max(1, math.prod(made.values()))
        left = math.isqrt(left) if name in multiples else left  # Its multiple is at least as large.
        largest = min(n for n in (left, size.most, multiples[name].most if name in multiples else None) if n is not None)
        usual = tuple(n * unit for n in RATIOS) if size.multiple_of else lengths
        made[name] = pick(name, wish.among or fitting(usual, max(wish.least, unit), max(largest, unit), ()))
    for name, wish in wishes.items():
        if wish.like:
            made[name] = made[wish.like]
    return {name: made[name] for name in operation.sizes}


@lru_cache(maxsize=4096)
def fitting(usual: tuple[int, ...], least: int, largest: int, avoid: tuple[int, ...]) -> tuple[int, ...]:
    """Usual sizes between least and largest, without those to avoid other than 1; or the least, where none is left."""
    return tuple(n for n in usual if least <= n <= largest and (n == 1 or n not in avoid)) or (least,)
