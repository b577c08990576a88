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
from ...spec.nearest import nearest
from ..operations import Operation, operation_named
from .blocks import BLOCK_MASKS, BLOCK_SHAPES, BLOCK_SIZES
from .descriptors import OPTIONS, StructureError, one_of
from .distributions import MANTISSA
from .given import DRAWN, Given, read_given
from .linear import BETAS, DECAYS, FEATURE_MAPS, GATE_SHAPES, GATES, PACKINGS, STATES
from .masks import BIASES, MASKS
from .problem import MEMORIES
from .random_features import FEATURE_COUNTS, PROJECTIONS
from .shapes import check_shape, choice, draw_shape
from .sizes import Pool
from .structure import Structure
from .taken import SPEC_NAMES, NotTaken, conflict, taken_options
from .vectors import DESCALES, LENGTHS, SINKS, SLOPES

__all__ = ["structures"]

ON_REQUEST = frozenset(
    {"return_lse", "return_weights", "dropout_p", "dropout_seed", "return_state", "top_k", "num_features", "orthogonal"}
)
"""Options that are drawn only where a law gives them."""

SLOTS = 3
"""The largest number of options drawn beyond those that a law gives."""

CODES = ("qk", "11qk", "b11k", "1hqk", "b1qk", "bhqk", "hqk")
WINDOWS = ((0, 0), (3, 0), (None, 2), (1, 2), (0, 3), (2, None), (5, 17), (15, 0), (16, 16))
SCALES = (2.0, 0.5, 0.3, 1.25)
"""Multiples of the default 1/sqrt(D), so that scores keep their size; the drawn scale has three digits."""

PARAMETERS: dict[str, tuple[Any, ...]] = {
    "causal": (True,),
    "window": WINDOWS,
    "mask": tuple(MASKS),
    "bias": tuple(BIASES),
    "alibi_slopes": SLOPES,
    "softcap": (30.0, 5.0, 50.0),
    "sinks": SINKS,
    "segments": (2, 3, 5),
    "dilation": (2, 3, 5),
    "global_tokens": (1, 2, 5),
    "block_mask": (*BLOCK_MASKS, "random", "random"),
    "top_k": (1, 2, 4, 8),
    "kv_lengths": (*LENGTHS, "random", "random"),
    "feature_map": ("elu1", *FEATURE_MAPS[1:], "elu1", "exp"),
    "normalize": (True,),
    "decay": DECAYS,
    "gate": (*GATES, "mild", "mild"),
    "beta": (*BETAS, "random"),
    "initial_state": STATES,
    "cu_seqlens": PACKINGS,
    "projection": PROJECTIONS,
    "num_features": FEATURE_COUNTS,
    "orthogonal": (True,),
    "q_descale": DESCALES,
    "k_descale": DESCALES,
    "v_descale": DESCALES,
    "dropout_p": (0.5, 0.25, 0.1),
    "return_lse": (True,),
    "return_weights": (True,),
    "return_state": (True,),
}
"""Values of drawn options, simplest first."""

USUAL = ("normal", "normal", "normal", "soft", "sharp")
USUAL_MEMORIES = ("contiguous",) * 6 + MEMORIES[1:]
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
    options: options of spec/operations.yaml that the implementation claims. Those that `given` does not mention are drawn.
    Sizes are at least 1 unless `given` lists 0, and those that the implementation takes. Raises StructureError for what it does
    not know, NotTaken where the law asks for what the implementation does not take.
    """
    one_of(dtype, MANTISSA, "dtype")
    record = operation_named(operation)
    plan, takes = read_given(given, record), sizes.takes
    wished = taken_options(plan.options, takes)
    free = tuple(name for name in _claimed(options) if name not in {*plan.options, *wished, *ON_REQUEST})
    free = tuple(name for name in free if conflict([name], takes) is None)
    check_shape(plan.sizes, _for_options(sizes, wished), record)
    return _structure(_Plan(dtype, plan, wished, _slots(free), sizes, record))


def _slots(free: tuple[str, ...]) -> tuple[tuple[str | None, ...], ...]:
    """What each slot is drawn from: nothing, or one of the free options. Most problems then have two or three options.

    The tuples differ on purpose. Hypothesis copies choices between draws from equal strategies, and slots that it made
    equal would be fewer options.
    """
    return tuple((None,) * (len(free) // 2 + extra) + free for extra in range(SLOTS)) if free else ()


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
        if name is not None and conflict([*present, name], takes) is None:
            present.add(name)
    shapes = takes.shapes
    wishes = {name: _parameter(draw, name, plan.wished.get(name, DRAWN), shapes) for name in OPTIONS if name in present}
    operation = plan.operation
    try:
        sizes = draw_shape(draw, given.sizes, _for_options(plan.pool, present), operation)
    except NotTaken:
        reject()
    if operation.fit is not None:
        wishes, sizes = operation.fit(wishes, set(given.options), sizes, given.sizes, plan.pool.work // 8)
    if isinstance(wishes.get("scale"), _Relative):
        wishes["scale"] = float(f"{wishes['scale'].factor / sizes['d'] ** 0.5:.3g}")
    memory = draw(choice(*(given.memory or USUAL_MEMORIES)))
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


def _for_options(pool: Pool, options: Iterable[str]) -> Pool:
    """The pool for calls that have some options, as a case names them: rules on their sizes come with them."""
    takes = pool.takes.having([SPEC_NAMES.get(name, name) for name in options])
    return pool if takes is pool.takes else _with_takes(pool, takes)


@dataclass(frozen=True)
class _Relative:
    """A scale as a multiple of the default, until D is known."""

    factor: float


def _parameter(draw: st.DrawFn, name: str, wish: tuple[Any, ...], refused: Collection[str]) -> Any:
    """A described value of one option: one of those that are wished, or any. refused: shapes that are not taken."""
    if name == "dropout_seed" and wish == DRAWN:
        return draw(SEEDS)
    if name == "scale" and wish == DRAWN:
        return _Relative(draw(choice(*SCALES)))
    value = draw(choice(*(PARAMETERS[name] if wish == DRAWN else wish)))
    if name in ("mask", "bias") and ":" not in value:
        codes = [code for code in CODES if f"{name}:{code}" not in refused]
        return f"{value}:{draw(choice(*(codes or CODES)))}"
    if name == "gate" and ":" not in value:
        return f"{value}:{draw(choice(*GATE_SHAPES))}"
    if name == "projection" and ":" not in value:
        return f"{value}:{draw(choice(*FEATURE_COUNTS))}"
    if name == "block_mask" and value.count(":") < 2:
        sized = value if ":" in value else f"{value}:{draw(choice(*BLOCK_SIZES))}"
        return f"{sized}:{draw(choice(*BLOCK_SHAPES))}"
    return value


def _claimed(options: Iterable[str]) -> tuple[str, ...]:
    """Claimed options by the names that structures use, in the order of OPTIONS."""
    names = set(options)
    pair = {"q_segments", "kv_segments"}
    if pair <= names:
        names = names - pair | {"segments"}
    names = names - {"block_size"} if "block_mask" in names else names
    if "seed" in names:
        names = names - {"seed"} | {"dropout_seed"}
    for name in sorted(names - set(OPTIONS)):
        raise StructureError(f"unknown option {name!r}{nearest(name, OPTIONS)}; known: {', '.join(OPTIONS)}")
    return tuple(name for name in OPTIONS if name in names)
