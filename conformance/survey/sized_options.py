"""Options that are taken in some sizes only: causality with as many queries as keys, a mask with whole tiles.

An option that one problem refuses may be taken in another, and a wrong answer there is never excused. So what is refused is
asked for in every shape that kernels are written for, and what is taken is asked for in unusual sizes too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ...adapters.takes import Rule
from ..problems.option import spec_name
from .calls import Caller, Home, Sizes
from .options import options_of, values_of
from .sizes import size_rules

__all__ = ["sized_options"]

FEW = 2
"""Shapes that are asked for where each call is compiled or interpreted."""


def sized_options(
    caller: Caller, home: Home, options: Sequence[str], refused: Collection[str], shapes: Sequence[Sizes]
) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    """Options that are taken in some sizes only, by their names in the spec, each with the rules that calls with it keep.

    An option of `refused` that is taken in some shape is among them, with no rule where none is found.
    """
    eager, known = caller.made.mode == "eager", options_of(caller.made)
    for option in options:
        name = spec_name(known, option)
        if name in refused:
            start = _taken_in(caller, home, option, shapes if eager else shapes[:FEW])
        else:
            start = home.having({option: values_of(known[option])[0]}) if eager and known[option].sized else None
            start = start if start is not None and caller.accepts(start) else None
        if start is None:
            continue
        before = caller.subject.implementation
        rules = tuple(size_rules(caller, start))
        caller.subject.implementation = before  # These rules hold for calls with the option alone.
        if rules or name in refused:
            yield name, rules


def _taken_in(caller: Caller, home: Home, option: str, shapes: Sequence[Sizes]) -> Home | None:
    """A problem with the option that is accepted, in one of some shapes; None where all refuse it."""
    for sizes in shapes:
        for value in values_of(options_of(caller.made)[option]):
            tried = Home(sizes, {**home.options, option: value})
            if caller.accepts(tried):
                return tried
    return None
