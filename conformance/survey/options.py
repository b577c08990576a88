"""Which options are taken: each claimed one alone, shapes of masks and biases, and pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from ...adapters.contract import Implementation
from ..operations import operation_named
from ..problems.option import Option, Options, spec_name
from .calls import Caller, Home

__all__ = ["alone", "claimed", "options_of", "pairs", "shaped", "shapes", "together", "values_of"]


def options_of(made: Implementation) -> Options:
    """All options of its operation."""
    return operation_named(made.operation).options


def values_of(option: Option) -> tuple[Any, ...]:
    """Up to two described values of an option."""
    return option.shown or tuple(dict.fromkeys(option.drawn))[:2]


def claimed(made: Implementation) -> list[str]:
    """Claimed options by the names that a case has for them; of several that come together one stands for all."""
    return [name for name in options_of(made) if spec_name(options_of(made), name) in made.options]


def shaped(made: Implementation) -> list[str]:
    """Options whose shape may broadcast."""
    return [name for name, option in options_of(made).items() if option.shapes]


def shapes(caller: Caller, home: Home, option: str) -> dict[str, str]:
    """Shapes of a mask or bias that are refused where others are accepted: `mask:qk` → what was raised."""
    known = options_of(caller.made)[option]
    codes, pattern = known.shapes if caller.made.mode == "eager" else known.telling, str(values_of(known)[0]).partition(":")[0]
    said = {code: caller.refusal(home.having({option: f"{pattern}:{code}"})) for code in codes}
    refused = {f"{option}:{code}": words for code, words in said.items() if words is not None}
    return refused if len(refused) < len(codes) else {}


def alone(caller: Caller, home: Home, options: list[str]) -> Iterator[tuple[str, str]]:
    """Options that are refused by themselves, with what was raised."""
    known = options_of(caller.made)
    for option in options:
        words = caller.refuses(*(home.having({option: value}) for value in values_of(known[option])))
        if words and not (known[option].shapes and shapes(caller, home, option)):
            yield spec_name(known, option), words


def pairs(
    caller: Caller, home: Home, options: list[str], taken: Mapping[str, Any], until: float
) -> Iterator[tuple[frozenset[str], str]]:
    """Pairs of options that are refused together though each is accepted alone.

    taken: a value of each option that is accepted. until: the time (time.monotonic) after which no more is asked.
    """
    if len(options) < 2 or together(caller, home, {name: taken[name] for name in options}):
        return
    known = options_of(caller.made)
    options = [name for name in options if caller.accepts(home.having({name: taken[name]}))]
    for one, other in combinations(options, 2):
        if _apart(known, one, other) or time.monotonic() > until:
            continue
        words = caller.refusal(home.having({one: taken[one], other: taken[other]}))
        if words:
            yield frozenset(spec_name(known, name) for name in (one, other)), words


def together(caller: Caller, home: Home, options: dict[str, Any]) -> bool:
    """Whether all of them are accepted at once, as far as the spec allows them together."""
    if any(_apart(options_of(caller.made), one, other) for one, other in combinations(options, 2)):
        return False
    return caller.accepts(home.having(options))


def _apart(options: Options, one: str, other: str) -> bool:
    """Whether the spec does not allow two options together."""
    return other in options[one].apart or one in options[other].apart
