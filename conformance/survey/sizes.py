"""Which sizes are taken: heads, lengths, widths and batches, changed one at a time from a problem that is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import gcd

from ...adapters.takes import Rule
from ..operations import operation_named
from .calls import Caller, Home

__all__ = ["rule_from", "size_rules"]

WIDE = 136
"""More features than most kernels are written for, and no multiple of 16."""

LENGTHS = (7, 17, 40, 48, 96, 192)
"""Lengths of which each is a multiple of a power of two that the ones before it are not."""

LONG = 520
"""A length beyond those that quick and standard draw, and no multiple of 16; asked only where calls are cheap."""

WIDTHS = (1, 7, 8, 16, 32, 40, 48, 64, 80, 96, 128, 256)
"""Features that models have, and two that none has."""

HEADS = (1, 2, 3, 4, 5, 6, 8)
"""Numbers of heads, and of query heads to a key head."""


def size_rules(caller: Caller, home: Home) -> Iterator[Rule]:
    """The rules on sizes that the calls show. What a rule says is declared already is not asked again."""

    def found(rules: Iterator[Rule]) -> Iterator[Rule]:
        """Each rule, known to the next calls: what it refuses is not asked again."""
        for rule in rules:
            caller.learn(rule)
            yield rule

    declared = {rule.size for rule in caller.made.takes.rules}
    for part in _in_question(caller, home):
        if not declared & set(part.sizes):
            yield from found(part.rules(caller, home))
    if not declared & {"sq", "sk"}:
        yield from found(_nothing_or_one(caller, home))
    if "d" not in declared:
        yield from found(_one_feature(caller, home))


@dataclass(frozen=True)
class Part:
    """Sizes that are looked at together, a problem in which they are unusual, and what looks at them closely."""

    sizes: tuple[str, ...]
    unusual: Mapping[str, int]
    rules: Callable[[Caller, Home], Iterator[Rule]]


def _in_question(caller: Caller, home: Home) -> list[Part]:
    """The parts of which something is refused. What is taken together with everything else unusual is taken alone.

    So a kernel that takes all is asked twice, and one that refuses one or two things little more often.
    """
    parts = [part for part in PARTS if part.rules is not _grouped or operation_named(caller.made.operation).grouped]
    if caller.made.takes.rules:
        return parts
    for left_out in range(3):
        for doubtful in combinations(range(len(parts)), left_out):
            kept = [part for number, part in enumerate(parts) if number not in doubtful]
            sizes = {size: n for part in kept for size, n in part.unusual.items()}
            turned = {**sizes, **({"sq": sizes["sk"], "sk": sizes["sq"]} if "sk" in sizes else {})}
            if "d" in sizes:
                turned["d"] = WIDE
            if "dv" not in sizes and "d" in sizes:
                sizes["dv"], turned["dv"] = sizes["d"], WIDE
            asked = [sizes, *([turned] if turned != sizes else [])]
            if "sk" in sizes and caller.made.mode == "eager":
                asked += [{**sizes, "sk": LONG}, {**turned, "sq": LONG}]
            if all(caller.accepts(home.but(**each)) for each in asked):
                return [parts[number] for number in doubtful]
    return parts


def rule_from(size: str, own: int, tried: Mapping[int, str | None]) -> Iterator[Rule]:
    """The simplest rules that tell the numbers that were accepted, `own` among them, from those that were refused.

    tried: number → what was raised, None where it was accepted.
    """
    refused = sorted(n for n, words in tried.items() if words is not None)
    accepted = sorted({own, *(n for n, words in tried.items() if words is None)})
    if not refused:
        return
    words = str(tried[refused[0]])
    if refused == [1]:
        return  # Said by itself, with what is raised for it.
    grain = gcd(*accepted)
    if accepted == [own] and size in ("d", "dv"):
        yield Rule(size, "among", (own,), words)
        return
    if grain > 1 and all(n % grain for n in refused):
        yield Rule(size, "multiple of", grain, words)
    elif max(refused) < min(accepted):
        yield Rule(size, ">=", min(accepted), words)
    elif min(refused) > max(accepted):
        yield Rule(size, "<=", max(accepted), words)
    elif grain > 1 and all(n % grain for n in refused if n < max(accepted)):
        yield Rule(size, "multiple of", grain, words)
        yield Rule(size, "<=", max(accepted), str(tried[max(refused)]))
    else:
        yield Rule(size, "among", tuple(accepted), words)


def _grouped(caller: Caller, home: Home) -> Iterator[Rule]:
    if home.sizes["hq"] != home.sizes["hkv"]:
        equal = caller.refuses(home.but(hkv=home.sizes["hq"]))
        if equal:
            yield Rule("hkv", "among", (home.sizes["hkv"],), equal)
        return
    words = caller.refuses(home.but(hq=4, hkv=2), home.but(hq=6, hkv=2))
    if words:
        one = caller.refuses(home.but(hq=4, hkv=1), home.but(hq=3, hkv=1))
        yield Rule("hkv", "like" if one else "1 or like", "hq", words)
    heads = list(_ruled(caller, home, ("hq", "hkv"), tuple(n for n in HEADS if n != home.sizes["hq"])))
    for rule in heads:
        yield rule
        if not words and caller.refuses(home.but(hq=12, hkv=3), home.but(hq=6, hkv=3)):
            yield replace(rule, size="hkv")
    if not words and not heads:
        own = home.sizes["hkv"]
        groups = {n: caller.refusal(home.but(hq=n * own, hkv=own)) for n in HEADS if n > 1}
        yield from rule_from("group", 1, groups)


def _lengths(caller: Caller, home: Home) -> Iterator[Rule]:
    """Whether queries and keys may differ in number, either way, and whether their numbers are free."""
    sq, sk = home.sizes["sq"], home.sizes["sk"]
    if sq == 1:
        several = caller.refuses(home.but(sq=2), home.but(sq=16), home.but(sq=sk))
        if several:
            yield Rule("sq", "among", (1,), several)
        yield from _of_lengths(caller, home, ("sk",))
        return
    fewer = caller.refuses(home.but(sk=2 * sk), home.but(sk=3 * sk))
    more = caller.refuses(home.but(sq=2 * sq), home.but(sq=3 * sq))
    if fewer and more and sq == sk:
        yield Rule("sq", "like", "sk", fewer)
    elif fewer and sq == sk:
        yield Rule("sq", ">=", "sk", fewer)
    elif more and sq == sk:
        yield Rule("sq", "<=", "sk", more)
    if (fewer or more) and sq == sk:
        together = list(_of_lengths(caller, home, ("sk", "sq")))
        yield from together
        if not (fewer and more):
            yield from (Rule("sq", rule.relation, rule.value, rule.words) for rule in together)
        return
    yield from _of_lengths(caller, home, ("sk",))
    yield from _of_lengths(caller, home, ("sq",))


def _of_lengths(caller: Caller, home: Home, names: tuple[str, ...]) -> Iterator[Rule]:
    """The rules on a size, which others of the same number follow. One more than is accepted tells tiles from a least size."""
    own = home.sizes[names[0]]
    lengths = (*LENGTHS, LONG, own + 1) if caller.made.mode == "eager" else LENGTHS[::2]
    yield from _ruled(caller, home, names, lengths)


def _widths(caller: Caller, home: Home) -> Iterator[Rule]:
    own, widths = home.sizes["d"], WIDTHS if caller.made.mode == "eager" else WIDTHS[1::2]
    others = tuple(d for d in widths if d != own)
    # Where a rule on Dv is known already, D is asked for with the Dv that is accepted.
    yield from list(_ruled(caller, home, ("d", "dv"), others)) or _ruled(caller, home, ("d",), others)


def _ruled(caller: Caller, home: Home, names: tuple[str, ...], numbers: tuple[int, ...]) -> Iterator[Rule]:
    """The rules on a size, of which others follow, that some numbers show; a least or largest one is looked for."""

    def of(n: int) -> Home:
        return home.but(**dict.fromkeys(names, n))

    own, tried = home.sizes[names[0]], {n: caller.refusal(of(n)) for n in numbers}
    for rule in rule_from(names[0], own, tried):
        refused = [n for n, words in tried.items() if words is not None]
        if rule.relation in ("<=", ">=") and isinstance(rule.value, int) and caller.made.mode == "eager":
            beyond = [n for n in refused if (n < rule.value) == (rule.relation == ">=")]
            rule = replace(
                rule, value=_edge(lambda n: caller.accepts(of(n)), min(beyond, key=lambda n: abs(n - own)), rule.value)
            )
        yield rule


def _edge(accepts: Callable[[int], bool], refused: int, accepted: int) -> int:
    """The accepted number that is nearest to a refused one, if there is a single edge between the two."""
    while abs(accepted - refused) > 1:
        middle = (accepted + refused) // 2
        if accepts(middle):
            accepted = middle
        else:
            refused = middle
    return accepted


def _values(caller: Caller, home: Home) -> Iterator[Rule]:
    dv = home.sizes["dv"]
    words = caller.refuses(home.but(dv=2 * dv), home.but(dv=max(1, dv // 2)))
    if words:
        yield Rule("dv", "like", "d", words)
    elif caller.made.mode == "eager":
        yield from _ruled(caller, home, ("dv",), tuple(n for n in WIDTHS if n != dv))


def _batch(caller: Caller, home: Home) -> Iterator[Rule]:
    words = caller.refuses(home.but(b=2), home.but(b=3))
    if words:
        yield Rule("b", "among", (home.sizes["b"],), words)


def _one_feature(caller: Caller, home: Home) -> Iterator[Rule]:
    words = caller.refuses(home.but(d=1, dv=1), home.but(d=1, dv=1, hq=1, hkv=1))
    if words:
        yield Rule("d", ">=", 2, words)


def _nothing_or_one(caller: Caller, home: Home) -> Iterator[Rule]:
    """One query, no query, no key: each is refused by many, by itself."""
    sq, sk = home.sizes["sq"], home.sizes["sk"]
    one = caller.refuses(home.but(sq=1), home.but(sq=1, hq=home.sizes["hkv"]))
    if one and sq != 1:
        yield Rule("sq", ">=", 2, one)
    no_query = caller.refuses(home.but(sq=0), home.but(sq=0, hq=home.sizes["hkv"]))
    if no_query and sq != 1:
        yield Rule("sq", ">=", 1, no_query)
    no_key = caller.refuses(home.but(sk=0), home.but(sk=0, hq=home.sizes["hkv"]))
    if no_key:
        yield Rule("sk", ">=", 1, no_key)
    both = caller.refuses(home.but(sq=0, sk=0), home.but(sq=0, sk=0, hq=home.sizes["hkv"])) if sq == sk else None
    if both and not (no_query or no_key):
        yield Rule("sk", ">=", 1, both)


PARTS = (
    Part(("dv",), {"dv": 24}, _values),
    Part(("hq", "hkv", "group"), {"hq": 9, "hkv": 3}, _grouped),
    Part(("sq", "sk"), {"sq": 5, "sk": 19}, _lengths),
    Part(("d",), {"d": 7}, _widths),
    Part(("b",), {"b": 2}, _batch),
)
"""In the order in which kernels most often refuse them. Where D is unusual and Dv is not looked at, Dv is D."""
