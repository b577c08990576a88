"""Which options are taken: each claimed one alone, shapes of masks and biases, and pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from ..problems.options import CODES, OPTIONS, SPEC_NAMES
from .calls import Caller, Home

__all__ = ["SHAPED", "alone", "claimed", "pairs", "shapes", "together", "values_of"]

NEVER_TOGETHER = (
    {"normalize", "beta"},
    {"cu_seqlens", "kv_lengths"},
    {"projection", "num_features"},
    {"projection", "orthogonal"},
)
"""Pairs that the spec does not allow."""

SHAPED = ("mask", "bias")
"""Options whose shape may broadcast."""

TELLING = ("qk", "b11k", "bhqk")
"""The shapes that are asked for where each call is compiled or interpreted."""

PATTERNS = {"mask": "random", "bias": "normal"}


def values_of(option: str) -> tuple[Any, ...]:
    """Up to two described values of an option, as a case names it."""
    return OPTIONS[option].shown or tuple(dict.fromkeys(OPTIONS[option].drawn))[:2]


def claimed(options: frozenset[str]) -> list[str]:
    """Claimed options by the names that a case has for them; of twins one stands for both."""
    back = {spec: case for case, spec in SPEC_NAMES.items()}
    names = {back.get(option, option) for option in options} - {"kv_segments", "block_size"}
    return [name for name in OPTIONS if name in names]


def shapes(caller: Caller, home: Home, option: str) -> dict[str, str]:
    """Shapes of a mask or bias that are refused where others are accepted: `mask:qk` → what was raised."""
    codes = CODES if caller.made.mode == "eager" else TELLING
    said = {code: caller.refusal(home.having({option: f"{PATTERNS[option]}:{code}"})) for code in codes}
    refused = {f"{option}:{code}": words for code, words in said.items() if words is not None}
    return refused if len(refused) < len(codes) else {}


def alone(caller: Caller, home: Home, options: list[str]) -> Iterator[tuple[str, str]]:
    """Options that are refused by themselves, with what was raised."""
    for option in options:
        words = caller.refuses(*(home.having({option: value}) for value in values_of(option)))
        if words and not (option in SHAPED and shapes(caller, home, option)):
            yield SPEC_NAMES.get(option, option), words


def pairs(
    caller: Caller, home: Home, options: list[str], taken: Mapping[str, Any], until: float
) -> Iterator[tuple[frozenset[str], str]]:
    """Pairs of options that are refused together though each is accepted alone.

    taken: a value of each option that is accepted. until: the time (time.monotonic) after which no more is asked.
    """
    if len(options) < 2 or together(caller, home, {name: taken[name] for name in options}):
        return
    options = [name for name in options if caller.accepts(home.having({name: taken[name]}))]
    for one, other in combinations(options, 2):
        if {one, other} in NEVER_TOGETHER or time.monotonic() > until:
            continue
        words = caller.refusal(home.having({one: taken[one], other: taken[other]}))
        if words:
            yield frozenset(SPEC_NAMES.get(name, name) for name in (one, other)), words


def together(caller: Caller, home: Home, options: dict[str, Any]) -> bool:
    """Whether all of them are accepted at once, as far as the spec allows them together."""
    for pair in NEVER_TOGETHER:
        if pair <= set(options):
            return False
    return caller.accepts(home.having(options))
