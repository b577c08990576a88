"""Keeps the sizes of attention over heads to what an implementation takes.

Sizes are drawn among those that it takes, and where the usual ones hold none, the nearest that it takes stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ....adapters.takes import Rule, Takes
from ...problems.shapes import ANY, Wishes
from ...problems.taken import NotTaken

__all__ = ["taken_heads", "taken_sizes"]

PARTNERS = {"sk": "sq", "d": "dv"}
"""A size that is drawn first, with the one that follows it and may have to fit."""


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
