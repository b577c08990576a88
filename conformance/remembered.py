"""What a run remembers of implementations and problems, and forgets when it ends.

What is remembered here saves time and changes no verdict, but it holds on to kernels and arrays; and a run that found what an
earlier one left behind could differ from the same run elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ParamSpec, TypeVar

__all__ = ["a_run", "at_the_end", "for_a_run", "kept_for_a_run"]

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=MutableMapping[Any, Any])

_CLEARED: list[Callable[[], object]] = []
_OPEN: list[None] = []


def at_the_end(clear: Callable[[], object]) -> Callable[[], object]:
    """Have something called when a run ends."""
    _CLEARED.append(clear)
    return clear


def kept_for_a_run(memory: M) -> M:
    """A mapping that is emptied when a run ends."""
    at_the_end(memory.clear)
    return memory


def for_a_run(function: Callable[P, T]) -> Callable[P, T]:
    """As functools.cache, until a run ends."""
    kept = cache(function)
    at_the_end(kept.cache_clear)
    return kept  # type: ignore[return-value]


@contextmanager
def a_run() -> Iterator[None]:
    """A run, or a part of one that is under way: when the outermost ends, all that it remembered is forgotten."""
    _OPEN.append(None)
    try:
        yield
    finally:
        _OPEN.pop()
        if not _OPEN:
            for clear in _CLEARED:
                clear()
