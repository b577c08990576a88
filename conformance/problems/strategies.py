"""Hypothesis strategies for structures.

What is drawn is the structure, never an array: shrinking then works on what a reader understands (fewer options, one head,
one row, one key past the tile), and a draw costs less than a millisecond. Options come in pairs and triples, because that
is where real mistakes live; they are drawn in slots that can each be emptied, so that a shrinker takes them away one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from ...adapters.takes import Takes
from ..operations import Operation, operation_named
from .descriptors import one_of
from .dtypes import MANTISSA
from .given import DRAWN, Given, read_given
from .option import Option, Relative, named_in_cases, spec_name
from .shapes import check_shape, choice, draw_shape
from .sizes import Pool
from .structure import Structure, memories
from .taken import NotTaken, conflict, taken_options

__all__ = ["structures"]

SLOTS = 3
"""The largest number of options drawn beyond those that a law gives."""

USUAL = ("normal", "normal", "normal", "soft", "sharp")
USUAL_MEMORIES = ("contiguous",) * 6
SEEDS = st.sampled_from(range(4096))
GEOMETRIES = st.sampled_from(range(1024))
"""More seeds than any run draws, few enough to read. The ranges differ, because Hypothesis copies choices between draws
from equal strategies, and the two seeds would often be equal."""


def structures(
    dtype: str, given: Mapping[str, object], options: Iterable[str], sizes: Pool, operation: str
) -> st.SearchStrategy[Structure]:
    """Structures of one operation in one dtype, for one law and one implementation.

    given: what the law states. An option: a literal, a list of literals, `drawn` (present) or `absent`; `segments` stands
    for q_segments with kv_segments, and a mask or bias without a shape has its shape drawn; `block_mask` stands for itself
    with block_size, and has its size and shape drawn where they are left out. A size: an integer, a list,
    `>= n`, or the name of another size. `values`, `memory`: a name or a list.
    options: options of the operation that the implementation claims. Those that `given` does not mention are drawn.
    Sizes are at least 1 unless `given` lists 0, and those that the implementation takes. Raises StructureError for what it does
    not know, NotTaken where the law asks for what the implementation does not take.
    """
    one_of(dtype, MANTISSA, "dtype")
    record = operation_named(operation)
    plan, takes = read_given(given, record), sizes.takes
    wished = taken_options(plan.options, takes, record.options)
    on_request = {name for name, option in record.options.items() if option.on_request}
    free = tuple(name for name in named_in_cases(record.options, options) if name not in {*plan.options, *wished, *on_request})
    free = tuple(name for name in free if conflict([name], takes, record.options) is None)
    check_shape(plan.sizes, _for_options(sizes, wished, record), record)
    return _structure(_Plan(dtype, plan, wished, _slots(free), sizes, record))


def _slots(free: tuple[str, ...]) -> tuple[tuple[str | None, ...], ...]:
    """What each slot is drawn from: nothing, or one of the free options. Most problems then have two or three options.

    The tuples differ on purpose. Hypothesis copies choices between draws from equal strategies, and slots that it made
    equal would be fewer options.
    """
    return tuple((None,) * (max(1, len(free) // 2) + extra) + free for extra in range(SLOTS)) if free else ()


@dataclass(frozen=True)
class _Plan:
    dtype: str
    given: Given
    wished: Mapping[str, tuple[Any, ...]]
    slots: tuple[tuple[str | None, ...], ...]
    pool: Pool
    operation: Operation


@st.composite
def _structure(draw: st.DrawFn, plan: _Plan) -> Structure:
    given, takes = plan.given, plan.pool.takes
    present = set(plan.wished)
    for slot in plan.slots:
        name = draw(choice(*slot))
        if name is not None and conflict([*present, name], takes, plan.operation.options) is None:
            present.add(name)
    shapes = takes.shapes
    operation = plan.operation
    wishes = {
        name: _parameter(draw, option, plan.wished.get(name, DRAWN), shapes)
        for name, option in operation.options.items()
        if name in present
    }
    try:
        sizes = draw_shape(draw, given.sizes, _for_options(plan.pool, present, operation), operation)
    except NotTaken:
        reject()
    if operation.fit is not None:
        wishes, sizes = operation.fit(wishes, set(given.options), sizes, given.sizes, plan.pool.work // 8)
    wishes = {name: value.of(sizes) if isinstance(value, Relative) else value for name, value in wishes.items()}
    memory = draw(choice(*(given.memory or (*USUAL_MEMORIES, *memories(operation)[1:]))))
    values = draw(
        choice(
            *(
                given.values
                or operation.values
                or (*operation.contents, *(name for name in USUAL if name in operation.contents))
            )
        )
    )
    seed, geometry = draw(SEEDS), draw(GEOMETRIES)
    return Structure(
        operation=operation.name,
        dtype=plan.dtype,
        sizes=sizes,
        options=wishes,
        values=values,
        memory=memory,
        seed=seed,
        geometry=geometry,
    )


@lru_cache(maxsize=256)
def _with_takes(pool: Pool, takes: Takes) -> Pool:
    return replace(pool, takes=takes)


def _for_options(pool: Pool, options: Iterable[str], operation: Operation) -> Pool:
    """The pool for calls that have some options, as a case names them: rules on their sizes come with them."""
    takes = pool.takes.having([spec_name(operation.options, name) for name in options])
    return pool if takes is pool.takes else _with_takes(pool, takes)


def _parameter(draw: st.DrawFn, option: Option, wish: tuple[Any, ...], refused: Collection[str]) -> Any:
    """A described value of one option: one of those that are wished, or any. refused: shapes that are not taken."""
    drawn = wish == DRAWN
    if drawn and option.seeds:
        return draw(SEEDS)

    def ask(*values: Any) -> Any:
        return draw(choice(*values))

    value = ask(*(option.drawn if drawn else wish))
    return value if option.complete is None else option.complete(value, drawn, ask, refused)
