"""Picks the sizes of attention over heads, which go together, and whole shapes of them.

Lengths are drawn first and heads, batch and width afterwards from what the cap leaves, so that large lengths go with few
heads and narrow features. B equals a head count only where a law says so, because a swap of the two axes is invisible then.
A backend that compiles meets one shape for each of its pool under a law: of the sizes that a law lists, the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from ....adapters.takes import Takes
from ...problems.descriptors import StructureError
from ...problems.given import SizeWish
from ...problems.shapes import ANY, RATIOS, Pick, Wishes, fitting
from ...problems.sizes import Pool, Shape
from ...problems.taken import NotTaken
from .sizes import HEADS
from .taken import taken_heads, taken_sizes

__all__ = ["picked", "shape_near", "whole_shapes"]

SIZES = tuple(HEADS)
COSTLY = ("b", "hq", "sq", "sk")
"""Sizes whose product is the number of scores."""


def shape_near(base: Shape, takes: Takes) -> Shape:
    """The shape nearest to a given one that an implementation takes. Raises NotTaken where there is none."""
    return _shape(
        picked(partial(_nearest, base), {}, Pool((1,), ((1, 1),), (1,), (1,), 1 << 30, 1 << 40, (base,), takes), base)
    )


def whole_shapes(wishes: Wishes, pool: Pool) -> tuple[Shape, ...]:
    """The shapes of a pool, each with the sizes that a law gives instead of its own. Raises NotTaken where none is taken."""
    return _whole(tuple(sorted(wishes.items())), pool)


def _shape(made: Mapping[str, int]) -> Shape:
    return tuple(made[name] for name in SIZES)  # type: ignore[return-value]


@lru_cache(maxsize=4096)
def _whole(wishes: tuple[tuple[str, SizeWish], ...], pool: Pool) -> tuple[Shape, ...]:
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
            among = wish.among or fitting(usual, wish.least, _largest(name, made, wishes, cap), avoid)
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
