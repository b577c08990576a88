"""Keeps what is drawn to what an implementation takes.

A kernel that takes keys in whole tiles of 128, or as many key heads as query heads, would refuse most problems, and laws
would go undecided. So sizes are drawn among those that it takes, and where the usual ones hold none, the nearest that it
takes stand in. Where a law asks for what it does not take, nothing can be drawn, and the reason is what it refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ...adapters.takes import ALWAYS, OR, Takes
from .option import Options, spec_name

__all__ = ["NotTaken", "conflict", "taken_options"]


class NotTaken(Exception):
    """A law asks for what the implementation does not take. The text says what."""


def taken_options(wishes: Mapping[str, tuple[Any, ...] | None], takes: Takes, options: Options) -> dict[str, tuple[Any, ...]]:
    """What a law wishes of options, with what every call has: values to choose from, by name. Raises NotTaken."""
    made = {name: wish for name, wish in wishes.items() if wish is not None}
    for name, value in takes.always.items():
        wish = wishes.get(name, ("drawn",))
        if wish is None or (wish != ("drawn",) and value not in wish):
            raise NotTaken(f"{ALWAYS}{name}={value}")
        made[name] = (value,)
    for name, words in takes.needs.items():
        free = [option for option in name.split(OR) if option not in wishes or wishes[option] is not None]
        if not free:
            raise NotTaken(f"takes no call without {name}: {words}")
        if not set(free) & set(made):
            made[free[0]] = ("drawn",)
    reason = conflict(made, takes, options)
    if reason is not None:
        raise NotTaken(reason)
    for name, wish in made.items():
        said = [takes.shapes.get(f"{name}:{str(value).partition(':')[2]}") for value in wish]
        if said and None not in said:
            raise NotTaken(f"does not take a {name} of this shape: {said[0]}")
    return made


def conflict(names: Collection[str], takes: Takes, options: Options) -> str | None:
    """Why some of the options, as a case names them, are not taken together; or None."""
    return takes.conflict([spec_name(options, name) for name in names])
