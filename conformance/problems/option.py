"""What the kit must know of an option to pose problems with it: how a case writes it, what is drawn, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .descriptors import Reader, Value

if TYPE_CHECKING:
    from .structure import Structure

__all__ = ["Ask", "Made", "Option", "Relative"]

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
    shown: tuple[Any, ...] = ()
