"""Draws the sizes of one problem from a pool, under the wishes of a law.

Lengths are drawn first and heads, batch and width afterwards from what the cap leaves, so that large lengths go with few
heads and narrow features. Each size comes from a tuple that ascends, so a shrinker makes each one smaller on its own.
B equals a head count only where a law says so, because a swap of the two axes is invisible then.
A backend that compiles meets one shape for each of its pool under a law: of the sizes that a law lists, the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from ...adapters.takes import Takes
from ..operations.operation import Operation
from ..operations.sizes import HEADS
from .descriptors import StructureError
from .given import SizeWish
from .sizes import Pool, Shape
from .taken import NotTaken, taken_heads, taken_sizes

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["check_shape", "choice", "draw_shape", "picked", "shape_near"]

ANY = SizeWish()
SIZES = tuple(HEADS)
COSTLY = ("b", "hq", "sq", "sk")
"""Sizes whose product is the number of scores."""

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
    pick = operation.pick or partial(_each, operation)
    if operation.pick is not None and pool.shapes:
        return dict(zip(SIZES, draw(choice(*_whole_shapes(tuple(sorted(wishes.items())), pool))), strict=True))
    return pick(lambda name, among: draw(choice(*among)), wishes, pool, None)


def shape_near(base: Shape, takes: Takes) -> Shape:
    """The shape nearest to a given one that an implementation takes. Raises NotTaken where there is none."""
    return _shape(
        picked(partial(_nearest, base), {}, Pool((1,), ((1, 1),), (1,), (1,), 1 << 30, 1 << 40, (base,), takes), base)
    )


def check_shape(wishes: Wishes, pool: Pool, operation: Operation) -> None:
    """Raises NotTaken where no shape can be drawn, neither of the simplest sizes nor of the largest; else does nothing."""
    pick = operation.pick or partial(_each, operation)
    if operation.pick is not None and pool.shapes:
        _whole_shapes(tuple(sorted(wishes.items())), pool)
        return
    try:
        pick(lambda name, among: among[0], wishes, pool, None)
    except NotTaken:
        pick(lambda name, among: among[-1], wishes, pool, None)


def _shape(made: Mapping[str, int]) -> Shape:
    return tuple(made[name] for name in SIZES)  # type: ignore[return-value]


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
        made[name] = pick(name, wish.among or _fitting(usual, max(wish.least, unit), max(largest, unit), ()))
    for name, wish in wishes.items():
        if wish.like:
            made[name] = made[wish.like]
    return {name: made[name] for name in operation.sizes}


@lru_cache(maxsize=4096)
def _whole_shapes(wishes: tuple[tuple[str, SizeWish], ...], pool: Pool) -> tuple[Shape, ...]:
    """The shapes of a pool, each with the sizes that a law gives instead of its own. Raises NotTaken where none is taken."""
    made: dict[Shape, None] = {}
    refusal = NotTaken("")
    for base in pool.shapes or ():
        try:
            made[_shape(picked(partial(_nearest, base), dict(wishes), pool, base))] = None
        except NotTaken as reason:
            refusal = reason
    if not made:
        raise refusal
    return tuple(made)


def _nearest(base: Shape, name: str, among: tuple[Any, ...]) -> Any:
    """The size, or the pair of heads, that is nearest to that of a whole shape."""
    own = dict(zip(SIZES, base, strict=True))
    if name == "heads":
        return min(among, key=lambda pair: (abs(pair[0] - own["hq"]) + abs(pair[1] - own["hkv"]), pair))
    return min(among, key=lambda size: (abs(size - own[name]), size))


def picked(pick: Pick, wishes: Wishes, pool: Pool, base: Shape | None) -> dict[str, int]:
    """The sizes of attention over heads, one by one. base: the whole shape that they start from, or None."""
    heads = ((base[1], base[2]),) if base else pool.heads
    made: dict[str, int] = {}

    def ask(name: str, usual: tuple[int, ...], cap: int, avoid: tuple[int, ...] = ()) -> None:
        wish = wishes.get(name, ANY)
        if not wish.like:
            among = wish.among or _fitting(usual, wish.least, _largest(name, made, wishes, cap), avoid)
            made[name] = pick(name, taken_sizes(name, among, wishes, made, pool.takes))

    ask("sk", (base[4],) if base else pool.lengths, pool.cap)
    # About one problem in five has as many queries as keys, as self-attention does.
    equal = (made["sk"],) * (len(pool.lengths) // 5) if "sk" in made else ()
    ask("sq", (base[3],) if base else pool.lengths + equal, pool.cap)
    pairs = taken_heads(_pairs(wishes.get("hq", ANY), wishes.get("hkv", ANY), heads), wishes, pool.takes)
    limit = _largest("hq", made, wishes, pool.cap)
    limit = max(limit, min(q for q, _ in pairs))
    made["hq"], made["hkv"] = pick("heads", tuple(pair for pair in pairs if pair[0] <= limit))
    ask("b", (base[0],) if base else pool.batches, pool.cap, avoid=(made["hq"], made["hkv"]))
    ask("d", (base[5],) if base else pool.widths, pool.work)
    d = made.get("d", 1)
    ask("dv", _value_widths(d, base, pool), pool.work)
    for name, wish in wishes.items():
        if wish.like:
            made[name] = made[wish.like]
    for rule in pool.takes.rules:
        if not rule.allows(made):
            raise NotTaken(rule.broken(made))
    return {name: made[name] for name in SIZES}


def _value_widths(d: int, base: Shape | None, pool: Pool) -> tuple[int, ...]:
    """Mostly D itself, as nearly all models have it."""
    if base:
        return (d,) if base[5] == base[6] else (base[6],)
    return (d,) * (2 * len(pool.widths)) + pool.widths


@lru_cache(maxsize=4096)
def _fitting(usual: tuple[int, ...], least: int, largest: int, avoid: tuple[int, ...]) -> tuple[int, ...]:
    """Usual sizes between least and largest, without those to avoid other than 1; or the least, where none is left."""
    return tuple(n for n in usual if least <= n <= largest and (n == 1 or n not in avoid)) or (least,)


def _largest(name: str, made: dict[str, int], wishes: Wishes, cap: int) -> int:
    """The largest value of one size that the cap allows, when sizes not yet drawn are as small as their wishes let them be."""
    others, power = 1, 0
    for size in {*COSTLY, name}:
        # The two head counts are drawn together, so hq is itself even where it is like hkv.
        target = size if size == "hq" else wishes.get(size, ANY).like or size
        if target == name:
            power += 1
        else:
            wish = wishes.get(target, ANY)
            others *= made.get(target) or max(1, min(wish.among, default=wish.least))
    return int((cap / others) ** (1 / power) + 1e-9)


@lru_cache(maxsize=1024)
def _pairs(hq: SizeWish, hkv: SizeWish, heads: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Pairs (Hq, Hkv) that meet both wishes, simplest first: those of the pool, or else made from the wishes."""
    equal = bool(hq.like or hkv.like)
    if hq.among or hkv.among:
        made = [(q, kv) for q in hq.among for kv in hkv.among or _divisors(q)]
        made += [(kv * ratio, kv) for kv in hkv.among for ratio in RATIOS if not hq.among]
    else:
        made = [(q, kv) for q, kv in heads if q >= hq.least and kv >= hkv.least and (q == kv or not equal)]
        made = made or [(kv * r, kv) for kv in (hkv.least, max(hq.least, hkv.least)) for r in range(1, hq.least + 1)]
    fits = [(q, kv) for q, kv in made if q % kv == 0 and q >= hq.least and kv >= hkv.least and (q == kv or not equal)]
    if not fits:
        queries, keys = (list(wish.among) or f">= {wish.least}" for wish in (hq, hkv))
        raise StructureError(f"given: no hq in {queries} is a multiple of an hkv in {keys}; hq must be a multiple of hkv")
    return tuple(fits)


def _divisors(n: int) -> tuple[int, ...]:
    return tuple(kv for kv in range(1, n + 1) if n % kv == 0)
