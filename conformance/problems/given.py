"""What a law's `given` asks of its problems, read once and checked before anything is drawn.

A law is data that a person wrote. A misspelt option that is passed over would make the law run on other problems than it
states, and pass; so every key and every value must be known. `claims` and `conventions` are asked of the implementation,
not of the problem: they are checked where laws are loaded, and say nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...spec.nearest import nearest
from ..operations.operation import Operation
from .descriptors import StructureError, one_of, whole, write_value
from .option import Options, read_part
from .structure import check_sizes, memories

__all__ = ["DRAWN", "Given", "SizeWish", "read_given"]

DRAWN: tuple[Any, ...] = ("drawn",)
"""The wish for an option that is present with a drawn value."""

OF_IMPLEMENTATIONS = ("claims", "conventions")


@dataclass(frozen=True)
class SizeWish:
    """What a law asks of one size: one of `among`, or at least `least`, or the same as the size named `like`."""

    among: tuple[int, ...] = ()
    least: int = 1
    like: str = ""


@dataclass(frozen=True)
class Given:
    """options: for each mentioned option None (absent), DRAWN, or the described values to choose from.

    sizes: wishes by the name of the size. values, memory: names to choose from, empty for the usual ones.
    """

    options: Mapping[str, tuple[Any, ...] | None]
    sizes: Mapping[str, SizeWish]
    values: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()


def read_given(given: Mapping[str, object], operation: Operation) -> Given:
    """The `given` of a law about an operation. Raises StructureError for an unknown key or value, naming the nearest known."""
    options: dict[str, tuple[Any, ...] | None] = {}
    sizes: dict[str, SizeWish] = {}
    values: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    for key, wish in given.items():
        name = _in_cases(key, operation.options)
        if name in operation.options:
            options[name] = _option(name, wish, operation.options)
        elif key in operation.sizes:
            sizes[key] = _size(key, wish, operation)
        elif key == "values":
            values = _listed(wish, lambda word: one_of(word, operation.contents, "distribution of values"))
        elif key == "memory":
            memory = _listed(wish, lambda word: one_of(word, memories(operation), "memory"))
        elif key not in OF_IMPLEMENTATIONS:
            known = [*operation.options, *operation.sizes, "values", "memory"]
            raise StructureError(f"given: unknown key {key!r}{nearest(key, known)}; known: {', '.join(known)}")
    for key, size in sizes.items():
        _check_like(key, size, sizes)
    _check_memory(sizes, operation)
    return Given(options, sizes, values, memory)


def _listed(wish: object, read: Callable[[Any], Any]) -> tuple[Any, ...]:
    """One value or a list of values, each read. Raises StructureError for an empty list."""
    if isinstance(wish, (list, tuple)) and not wish:
        raise StructureError("given: an empty list leaves nothing to draw")
    return tuple(read(one) for one in wish) if isinstance(wish, (list, tuple)) else (read(wish),)


def _in_cases(key: str, options: Options) -> str:
    """The name that cases have for an option of the spec. Raises StructureError for one of several that come together."""
    for name, option in options.items():
        if key in option.stands_for and len(option.stands_for) > 1 and key not in options:
            others = " and ".join(each for each in option.stands_for if each != key)
            raise StructureError(f"given: {key} comes with {others}; write {name}, which stands for both")
        if option.stands_for == (key,):
            return name
    return key


def _option(name: str, wish: object, options: Options) -> tuple[Any, ...] | None:
    if wish == "drawn":
        return DRAWN
    if wish is None or wish is False or wish == "absent":
        return None
    if options[name].several:
        wish = wish if isinstance(wish, (list, tuple)) and wish and isinstance(wish[0], (list, tuple)) else [wish]
    read = _listed(wish, lambda one: read_part(options, name, one))
    if None in read:
        raise StructureError(f"given: {name}={write_value(wish)} is its default; write absent")
    return read


def _size(name: str, wish: object, operation: Operation) -> SizeWish:
    least = operation.sizes[name].least
    if isinstance(wish, str) and wish in operation.sizes:
        return SizeWish(like=wish)
    if isinstance(wish, str) and wish.replace("≥", ">=").startswith(">="):
        return SizeWish(least=whole(wish.replace("≥", ">=")[2:].strip(), least))
    try:
        return SizeWish(among=_listed(wish, lambda one: whole(one, least)))
    except StructureError as error:
        raise StructureError(f"given: {name}: {error}; write a size, a list, '>= n', or the name of another size") from None


def _check_memory(sizes: Mapping[str, SizeWish], operation: Operation) -> None:
    """The largest of the sizes that are listed, and the least of the others, must make a problem that fits into memory."""
    own = {name: max(wish.among, default=wish.least) for name, wish in sizes.items() if not wish.like}
    liked = {name: own.get(wish.like, 1) for name, wish in sizes.items() if wish.like}
    try:
        check_sizes({**own, **liked}, operation)
    except StructureError as error:
        raise StructureError(f"given: {error}") from None


def _check_like(name: str, wish: SizeWish, sizes: Mapping[str, SizeWish]) -> None:
    """A size may be like one that is drawn; a head count only like the other head count, because of their ratio."""
    if wish.like and (wish.like == name or sizes.get(wish.like, SizeWish()).like):
        raise StructureError(f"given: {name} is like {wish.like}, which is not drawn on its own; say it the other way round")
    heads = {"hq", "hkv"}
    if wish.like and name in heads and wish.like not in heads:
        raise StructureError(f"given: {name} is like {wish.like}; write {wish.like}: {name} instead")
