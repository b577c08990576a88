"""Keeps what is drawn to what an implementation takes.

A kernel that takes keys in whole tiles of 128, or as many key heads as query heads, would refuse most problems, and laws
would go undecided. So sizes are drawn among those that it takes, and where the usual ones hold none, the nearest that it
takes stand in. Where a law asks for what it does not take, nothing can be drawn, and the reason is what it refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ...adapters.takes import ALWAYS, OR, Rule, Takes
from .given import SizeWish
from .option import Options, spec_name

__all__ = ["NotTaken", "taken_heads", "taken_options", "taken_sizes"]

ANY = SizeWish()

PARTNERS = {"sk": "sq", "d": "dv"}
"""A size that is drawn first, with the one that follows it and may have to fit."""

Wishes = Mapping[str, SizeWish]


class NotTaken(Exception):
    """A law asks for what the implementation does not take. The text says what."""


def taken_sizes(name: str, among: tuple[int, ...], wishes: Wishes, made: Mapping[str, int], takes: Takes) -> tuple[int, ...]:
    """Those of some sizes that are taken, or the nearest that are. Sizes that a law lists stay as they are.

    made: the sizes that are drawn already. Raises NotTaken where none is left.
    """
    rules = [rule for rule in takes.rules if name in (rule.size, rule.value) or rule.size == PARTNERS.get(name)]
    if not rules:
        return among
    wish, partner = wishes.get(name, ANY), PARTNERS.get(name, "")
    due = wishes.get(partner, ANY).among
    listed = wish.among
    candidates = listed or tuple(sorted({*among, *_near(name, among, due, rules, made)}))

    def fits(size: int) -> bool:
        sizes = {**made, name: size}
        return all(rule.allows(sizes) for rule in rules) and (
            not due or any(all(rule.allows({**sizes, partner: other}) for rule in rules) for other in due)
        )

    kept = tuple(size for size in candidates if size >= wish.least and fits(size))
    if kept:
        return kept
    raise NotTaken(_broken(rules, {**made, name: candidates[0]}, {partner: due[0]} if due else {}))


def taken_heads(pairs: tuple[tuple[int, int], ...], wishes: Wishes, takes: Takes) -> tuple[tuple[int, int], ...]:
    """Those of some pairs (Hq, Hkv) that are taken, or the nearest that are. Raises NotTaken where a law leaves none."""
    rules = [rule for rule in takes.rules if rule.size in ("hq", "hkv", "group")]
    if not rules:
        return pairs
    fixed = wishes.get("hq", ANY).among or wishes.get("hkv", ANY).among
    numbers = {n for rule in rules if isinstance(rule.value, tuple) for n in rule.value}
    numbers |= {n for pair in pairs for n in pair}
    more = () if fixed else ((q, kv) for q in sorted(numbers) for kv in sorted(numbers) if q % kv == 0)
    kept = [pair for pair in dict.fromkeys((*pairs, *more)) if _allowed(rules, {"hq": pair[0], "hkv": pair[1]})]
    least = (wishes.get("hq", ANY).least, wishes.get("hkv", ANY).least)
    kept = [(q, kv) for q, kv in kept if q >= least[0] and kv >= least[1]]
    if kept:
        return tuple(kept)
    raise NotTaken(_broken(rules, {"hq": pairs[0][0], "hkv": pairs[0][1]}, {}))


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


def _near(name: str, among: Iterable[int], due: Iterable[int], rules: Iterable[Rule], made: Mapping[str, int]) -> Iterator[int]:
    """Sizes near the usual ones that rules about one size may allow."""
    yield from due
    for rule in rules:
        if rule.size != name:
            continue
        if isinstance(rule.value, tuple):
            yield from rule.value
        elif rule.relation == "multiple of" and isinstance(rule.value, int):
            yield from (-(-max(size, 1) // rule.value) * rule.value for size in among)
        elif isinstance(rule.value, str):
            if rule.value in made:
                yield made[rule.value]
        else:
            yield rule.value


def _allowed(rules: Iterable[Rule], sizes: Mapping[str, int]) -> bool:
    return all(rule.allows(sizes) for rule in rules)


def _broken(rules: Iterable[Rule], sizes: Mapping[str, int], more: Mapping[str, int]) -> str:
    """What stands in the way of sizes."""
    together = {**more, **sizes}
    known = {*together, "group"}
    broken = next((rule for rule in rules if rule.size in known and not rule.allows(together)), None)
    return broken.broken(together) if broken else "no size that the law asks for is taken"
