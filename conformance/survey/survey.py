"""What an implementation takes, asked before the laws.

A stranger's kernel takes some shapes and not others, and says so by raising. Found by the laws, each refusal is an error a
law; asked beforehand it is one line, the laws that need it are not claimed, and nothing of the kind is drawn again. Only a
consistent exception counts: two problems that differ from an accepted one in one thing must both raise, and an option in every
shape that kernels are written for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ...adapters.contract import Implementation
from ...adapters.takes import OR, Takes
from ..operations import operation_named
from ..operations.over_heads.shapes import shape_near
from ..problems.option import spec_name
from ..problems.taken import NotTaken
from .calls import Caller, Home
from .options import alone, claimed, options_of, pairs, shaped, shapes, together, values_of
from .sized_options import sized_options
from .sizes import size_rules

__all__ = ["find_home", "survey", "surveyed"]

SHAPES = (
    (1, 2, 2, 16, 16, 16, 16),
    (1, 2, 2, 3, 5, 8, 8),
    (1, 2, 2, 16, 16, 64, 64),
    (1, 2, 2, 64, 64, 64, 64),
    (1, 2, 2, 128, 128, 64, 64),
    (1, 2, 2, 128, 128, 128, 128),
    (1, 2, 2, 1, 16, 64, 64),
    (1, 2, 2, 1, 128, 128, 128),
    (1, 4, 2, 128, 128, 64, 64),
    (1, 8, 1, 1, 128, 128, 128),
    (1, 2, 2, 256, 256, 64, 64),
)
"""Shapes that kernels are written for, as b, hq, hkv, sq, sk, d, dv."""

NAMES = ("b", "hq", "hkv", "sq", "sk", "d", "dv")

SECONDS = 4.0
"""How long pairs of options are asked for."""


def surveyed(made: Implementation) -> Implementation:
    """The implementation with what a survey found of what it takes. Calls it; raises nothing that it raises."""
    return replace(made, takes=survey(made))


def survey(
    made: Implementation, begin: Callable[[str], None] = lambda name: None, avoid: frozenset[str] = frozenset()
) -> Takes:
    """What an implementation takes, as it declares and as a few tiny calls show.

    begin, avoid: as for `calls.Caller`. Only its first dtype is asked: what a kernel takes rarely depends on it.
    """
    declared, caller = made.takes, Caller(made, begin, avoid)
    home, added, words = find_home(caller)
    if home is None:
        return replace(declared, nothing=words) if words else declared
    needs = {OR.join(_needed(caller, home, added)): words} if added else {}
    always = {**declared.always, **{name: True for name, every in caller.operation.needed.items() if every and name in needs}}
    caller.subject.implementation = replace(made, takes=replace(declared, always=always, needs=needs))
    heads = operation_named(made.operation).of_heads
    rules = (*declared.rules, *(size_rules(caller, home) if heads else ()))
    options = [name for name in claimed(made) if name not in always]
    known = Takes(rules=rules, always=always, needs=needs, pairs=declared.pairs)
    all_options = options_of(made)
    values = {name: values_of(all_options[name])[0] for name in options}
    if made.mode != "eager" and options and together(caller, home, values):
        return replace(known, shapes=_shapes_refused(caller, home, options))
    refused = dict(alone(caller, home, [name for name in options if name != added]))
    sized = dict(sized_options(caller, home, options, refused, list(_shapes(made)))) if heads else {}
    refused = {name: words for name, words in refused.items() if name not in sized}
    kept = [name for name in options if spec_name(all_options, name) not in refused]
    refused_shapes = _shapes_refused(caller, home, kept)
    values = {name: _accepted(caller, home, name, refused_shapes) for name in kept}
    found = dict(pairs(caller, home, kept, values, time.monotonic() + SECONDS))
    return replace(known, refused=refused, sized=sized, shapes=refused_shapes, pairs={**declared.pairs, **found})


def _needed(caller: Caller, home: Home, added: str) -> list[str]:
    """The option with which a call is accepted that is refused without any, and others that do as well in its place."""
    plain = {name: value for name, value in home.options.items() if name != added}
    known = options_of(caller.made)
    others = [name for name in claimed(caller.made) if name not in home.options and spec_name(known, name) == name]
    return [added, *(name for name in others if caller.accepts(Home(home.sizes, {**plain, name: values_of(known[name])[0]})))]


def _shapes_refused(caller: Caller, home: Home, options: list[str]) -> dict[str, str]:
    return {
        shape: said
        for option in shaped(caller.made)
        if option in options
        for shape, said in shapes(caller, home, option).items()
    }


def find_home(caller: Caller) -> tuple[Home | None, str, str]:
    """A problem that is accepted, the option without which none is accepted, or "", and what was said to a plain one."""
    always, known, words = dict(caller.made.takes.always), options_of(caller.made), ""
    for added in ("", *(name for name in caller.operation.needed if name in claimed(caller.made) and name not in always)):
        options = {**always, **({added: values_of(known[added])[0]} if added else {})}
        for sizes in _shapes(caller.made):
            home = Home(sizes, options)
            if caller.accepts(home):
                return home, added, words
            words = words or caller.refusal(home) or ""
    return None, "", words


def _shapes(made: Implementation) -> Iterator[dict[str, int]]:
    """The shapes to begin with, as near as what is declared allows."""
    operation = operation_named(made.operation)
    if not operation.of_heads:
        yield from ({name: max(size.least, n) for name, size in operation.sizes.items()} for n in (2, 4, 16))
        return
    for shape in SHAPES:
        try:
            yield dict(zip(NAMES, shape_near(shape, made.takes), strict=True))
        except NotTaken:
            continue


def _accepted(caller: Caller, home: Home, name: str, refused: dict[str, str]) -> Any:
    """A value of an option that is accepted, as a case writes it."""
    option = options_of(caller.made)[name]
    values = values_of(option)
    if option.shapes:
        code = next((code for code in option.shapes if f"{name}:{code}" not in refused), option.shapes[0])
        return f"{values[0].partition(':')[0]}:{code}"
    return next((value for value in values if caller.accepts(home.having({name: value}))), values[0])
