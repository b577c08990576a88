"""What the kit must know of an option to pose problems with it: how a case writes it, what is drawn, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ...spec.nearest import nearest
from .descriptors import Reader, StructureError, Value, write_value

if TYPE_CHECKING:
    from .structure import Structure

__all__ = [
    "Ask",
    "Made",
    "Option",
    "Options",
    "Relative",
    "in_words",
    "named_in_cases",
    "read_option",
    "read_part",
    "spec_name",
]

T = TypeVar("T")

Ask = Callable[..., Any]
"""Draws one of the values that it is given, the simplest first."""

Made = Mapping[str, Any]
"""Arguments and options by name, as operation.yaml types them."""


@dataclass(frozen=True)
class Relative:
    """A value that is known once the sizes are. of: what it is for these sizes."""

    of: Callable[[Mapping[str, int]], Any]


@dataclass(frozen=True)
class Option:
    """One option, by the name that a case has for it.

    read: its described value, from text or from a literal; None where that is the default, which a case leaves out.
    drawn: described values from which a problem is drawn, the simplest first; Relative to the sizes where `complete` says so.
    seeds: it is a seed, and any is drawn.
    on_request: it is drawn only where a law gives it.
    part: reads what a law may write of a value, where it need not write all of it; `complete` draws what it leaves out.
    complete: the whole of a drawn or given value, by the value, whether it was drawn, and `ask`; refused: its shapes that an
        implementation does not take, as `mask:qk`.
    make: what it is in a call, by its value, the structure and the arrays of the problem; None where it is itself.
    batched: whether what it is has the batch for its first axis, by its value and the structure.
    stands_for: its names in the spec, where these are others, or more than one.
    several: its value is a list of its own, so that several values are a list of lists.
    axes: the sizes of the axes of its arrays, by its names in the spec; "" is an axis that is no size of the operation, and an
        array may have more axes than these. broadcasts: it has any number of them, the last ones, and may have 1 instead.
    counts: it says of which keys it speaks by their positions, so that they cannot be put in another order as they are.
    sized: it counts positions or lengths, and kernels often take it in some sizes only.
    adds: it changes weights and hides no key, but for a value of −inf.
    carried: whether an estimate of the roundings of an output carries what is rounded for it.
    apart: names of options, as cases have them, with which the spec does not allow it.
    shapes: what may follow the colon of its value, each a shape that an implementation may refuse by itself; telling: those of
        them with which it is asked where each call is dear.
    shown: two values with which a survey asks for it, where the first two of those that are drawn do not tell as much.
    words: what a problem that has it is said to have; empty where nothing is said.
    """

    read: Reader
    words: str = ""
    drawn: tuple[Any, ...] = (True,)
    seeds: bool = False
    on_request: bool = False
    part: Callable[[object], Any] | None = None
    complete: Callable[[Any, bool, Ask, Collection[str]], Any] | None = None
    make: Callable[[Value, Structure, Made], Made] | None = None
    batched: Callable[[Value, Structure], bool] | None = None
    stands_for: tuple[str, ...] = ()
    several: bool = False
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    broadcasts: bool = False
    counts: bool = False
    sized: bool = False
    adds: bool = False
    carried: bool = True
    apart: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    shown: tuple[Any, ...] = ()


Options = Mapping[str, Option]
"""The options of an operation by the names that cases have for them, in the order in which a case prints them."""


def read_option(options: Options, name: str, given: object) -> Value | None:
    """An option's described value from text or from a literal; None where it equals the default.

    Raises StructureError for an unknown option or a malformed value.
    """
    if name not in options:
        raise StructureError(f"unknown option {name!r}{nearest(name, options)}; known: {', '.join(options) or 'none'}")
    return _read(name, options[name].read, given)


def read_part(options: Options, name: str, given: object) -> Any:
    """As much of an option's described value as a law writes. Raises StructureError."""
    return _read(name, options[name].part or options[name].read, given)


def _read(name: str, read: Callable[[object], T], given: object) -> T:
    try:
        return read(given)
    except StructureError as error:
        raise StructureError(f"{name}={write_value(given)}: {error}") from None


def named_in_cases(options: Options, given: Iterable[str]) -> tuple[str, ...]:
    """Options of the spec by the names that cases have for them, in the order of printing. Raises StructureError."""
    names, found = set(given), []
    for name, option in options.items():
        if name in names or (option.stands_for and set(option.stands_for) <= names):
            found.append(name)
            names -= {name, *option.stands_for}
    for name in sorted(names):
        raise StructureError(f"unknown option {name!r}{nearest(name, options)}; known: {', '.join(options) or 'none'}")
    return tuple(found)


def spec_name(options: Options, name: str) -> str:
    """The name that the spec has for an option of a case; of several, the first."""
    option = options.get(name)
    return name if option is None or name in (option.stands_for or (name,)) else option.stands_for[0]


def in_words(options: Options) -> dict[str, str]:
    """The names that the spec has for options, and what a problem with each is said to have."""
    return {spec_name(options, name): option.words for name, option in options.items() if option.words}
