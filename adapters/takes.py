"""What an implementation takes: rules on sizes, options that it refuses, and options that every one of its calls has.

Kernels are written for some shapes: as many key heads as query heads, keys in whole tiles, one query. An implementation
declares that with `sizes` and `always`, or a survey finds it out. Both end here, so that drawing avoids what is refused,
laws that need it are not claimed, and a report says each refusal once, in words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

__all__ = ["ALWAYS", "EVERYTHING", "OR", "SIZES", "Rule", "Takes", "read_rules"]

SIZES = {
    "b": "batch entries",
    "hq": "query heads",
    "hkv": "key heads",
    "sq": "queries",
    "sk": "keys",
    "d": "features",
    "dv": "value features",
    "group": "query heads to a key head",
}
"""Sizes of a problem, with what each of them counts. A group is Hq / Hkv."""

ALWAYS = "always has "
"""How the reason starts for which a law is not asked of an implementation that has no call without some option."""

OR = " or "
"""Between options of which every call has one at least."""

PLAIN: dict[tuple[str, str, Any], str] = {
    ("hkv", "like", "hq"): "does not take grouped heads (Hq ≠ Hkv)",
    ("hkv", "1 or like", "hq"): "does not take grouped heads (1 < Hkv < Hq)",
    ("sq", "like", "sk"): "does not take Sq ≠ Sk",
    ("sk", "like", "sq"): "does not take Sq ≠ Sk",
    ("sq", "<=", "sk"): "does not take more queries than keys (Sq > Sk)",
    ("sq", ">=", "sk"): "does not take fewer queries than keys (Sq < Sk)",
    ("dv", "like", "d"): "does not take Dv ≠ D",
    ("sq", "among", (1,)): "takes a single query only (Sq = 1)",
    ("sq", ">=", 2): "does not take a single query (Sq = 1)",
    ("sk", ">=", 2): "does not take a single key (Sk = 1)",
    ("sq", ">=", 1): "does not take Sq = 0",
    ("sk", ">=", 1): "does not take Sk = 0",
    ("d", ">=", 2): "does not take D = 1",
    ("b", "among", (1,)): "takes a single batch entry only (B = 1)",
}
"""Rules that have a name of their own."""


@dataclass(frozen=True)
class Rule:
    """One rule that the sizes of every accepted problem keep.

    size: a key of SIZES. relation: `like`, `1 or like`, `<=`, `>=`, `multiple of` or `among`.
    value: a number, the name of another size, or for `among` several numbers.
    words: what the implementation said when it refused; empty where the rule is declared. option: the one with which the rule
    holds; empty where it always does.
    """

    size: str
    relation: str
    value: int | str | tuple[int, ...]
    words: str = ""
    option: str = ""

    def allows(self, sizes: Mapping[str, int]) -> bool:
        """Whether sizes keep the rule; as long as one that it compares is missing, they do."""
        have = _size(self.size, sizes)
        due: Any = sizes.get(self.value) if isinstance(self.value, str) else self.value
        if have is None or due is None:
            return True
        if self.relation == "among":
            return have in due
        if self.relation == "multiple of":
            return bool(have % due == 0)
        holds: dict[str, bool] = {"<=": have <= due, ">=": have >= due, "like": have == due, "1 or like": have in (1, due)}
        return holds[self.relation]

    @property
    def sentence(self) -> str:
        """The rule in words: `does not take grouped heads (Hq ≠ Hkv)`, `takes a multiple of 16 keys only`."""
        return PLAIN.get((self.size, self.relation, self.value)) or f"takes {self._due()} only"

    def broken(self, sizes: Mapping[str, int]) -> str:
        """Why sizes break the rule, with what the implementation said: `needs a multiple of 16 keys, got 17`."""
        plain = PLAIN.get((self.size, self.relation, self.value))
        said = plain or f"needs {self._due()}, got {_size(self.size, sizes)}"
        said = f"with {self.option}, {said}" if self.option else said
        return f"{said}: {self.words}" if self.words else said

    def _due(self) -> str:
        name = SIZES[self.size]
        if isinstance(self.value, tuple):
            return f"{' or '.join(map(str, self.value))} {name}"
        other = SIZES[self.value] if isinstance(self.value, str) else ""
        if self.relation == "multiple of":
            return f"a multiple of {self.value} {name}"
        if self.relation == "like":
            return f"as many {name} as {other}"
        bound = "at most" if self.relation == "<=" else "at least"
        return f"{bound} as many {name} as {other}" if other else f"{bound} {self.value} {name}"


def _size(name: str, sizes: Mapping[str, int]) -> int | None:
    """A size of a problem; None where it is not known yet."""
    if name == "group" and sizes.get("hq") and sizes.get("hkv"):
        return sizes["hq"] // sizes["hkv"]
    return sizes.get(name)


@dataclass(frozen=True, eq=False)
class Takes:
    """What an implementation takes. Nothing said means everything.

    rules: on sizes. always: options that every call has, with their value. needs: option, or several joined by OR → what
    was said without any of them.
    refused: option → what was said when it was given. sized: option → rules that sizes keep in calls that have it.
    pairs: two options → what was said when they were given together. shapes: `mask:qk`, a shape of an option → what was said.
    nothing: what was said where no call at all was accepted.
    """

    rules: tuple[Rule, ...] = ()
    always: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    sized: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    pairs: Mapping[frozenset[str], str] = field(default_factory=dict)
    shapes: Mapping[str, str] = field(default_factory=dict)
    nothing: str = ""

    def reason(self, sizes: Mapping[str, int], options: Mapping[str, Any]) -> str | None:
        """Why a problem of these sizes with these options is not one that is taken, or None."""
        for rule in self.rules:
            if not rule.allows(sizes):
                return rule.broken(sizes)
        for option in options:
            for rule in self.sized.get(option, ()):
                if not rule.allows(sizes):
                    return f"with {option}, {rule.broken(sizes)}"
        for name, value in self.always.items():
            if options.get(name) != value:
                return f"{ALWAYS}{name}={value}"
        for name, words in self.needs.items():
            if not set(name.split(OR)) & set(options):
                return f"takes no call without {name}: {words}"
        return self.conflict(options)

    def having(self, options: Collection[str]) -> Takes:
        """What is taken of calls that have these options: their rules on sizes are rules of all calls."""
        names = frozenset(options) & frozenset(self.sized)
        if not names:
            return self
        if names not in self._having:
            own = tuple(replace(rule, option=name) for name in sorted(names) for rule in self.sized[name])
            self._having[names] = replace(self, rules=(*self.rules, *own), sized={})
        return self._having[names]

    @cached_property
    def _having(self) -> dict[frozenset[str], Takes]:
        """Kept, because what is drawn is kept for each."""
        return {}

    def conflict(self, options: Collection[str]) -> str | None:
        """Why these options are not taken together, or one of them not at all; or None."""
        for name in options:
            if name in self.refused:
                return f"does not take {name}: {self.refused[name]}"
        for pair, words in self.pairs.items():
            if pair <= set(options):
                return f"does not take {' with '.join(sorted(pair))}: {words}"
        return None

    def sentences(self) -> Iterator[tuple[str, str]]:
        """Each refusal as a sentence, with what the implementation said; nothing where it is declared."""
        if self.nothing:
            yield "accepted none of the calls that were tried", self.nothing
        for rule in self.rules:
            yield rule.sentence, rule.words
        for name, value in self.always.items():
            if name not in self.needs:
                yield f"{ALWAYS}{name}={value}", ""
        for name, words in self.needs.items():
            yield f"takes no call without {name}", words
        for name, words in self.refused.items():
            yield f"does not take {name}", words
        found: dict[str, list[tuple[str, str]]] = {}
        for option, rules in self.sized.items():
            for rule in rules:
                found.setdefault(rule.sentence, []).append((option, rule.words))
        for sentence, said in found.items():
            *others, last = [option for option, _ in said]
            yield f"with {', '.join(others)} or {last}, {sentence}" if others else f"with {last}, {sentence}", said[0][1]
        for pair, words in self.pairs.items():
            yield f"does not take {' with '.join(sorted(pair))}", words
        for shape, words in self.shapes.items():
            option, _, code = shape.partition(":")
            yield f"does not take a {option} of shape {_written(code)}", words


EVERYTHING = Takes()
"""What is taken where nothing is said."""


def read_rules(size: str, wish: Any) -> tuple[Rule, ...]:
    """The rules that a declaration states of one size.

    wish: a number; several numbers; or text, parts joined by commas: the name of another size (`hq`), `<= sk`, `>= 16`,
    `multiple of 16`. Raises ValueError for an unknown size or a text that says nothing, naming what can be said.
    """
    if size not in SIZES:
        raise ValueError(f"unknown size {size!r}; known: {', '.join(SIZES)}")
    if isinstance(wish, int) and not isinstance(wish, bool):
        return (Rule(size, "among", (wish,)),)
    if isinstance(wish, (list, tuple)) and wish and all(isinstance(n, int) and not isinstance(n, bool) for n in wish):
        return (Rule(size, "among", tuple(sorted(wish))),)
    if not isinstance(wish, str):
        raise ValueError(f"{size}: {wish!r} is no rule; {_SAYABLE}")
    return tuple(_read_part(size, part.strip()) for part in wish.split(","))


_SAYABLE = "write a number, a list of numbers, another size ('hq'), '<= sk', '>= 16' or 'multiple of 16'"


def _read_part(size: str, text: str) -> Rule:
    found = re.fullmatch(r"(multiple of|<=|>=|≤|≥|)\s*(\d+|[a-z]+)", text)
    if found is None or found[2] == size or not (found[2].isdigit() or found[2] in SIZES):
        raise ValueError(f"{size}: {text!r} is no rule; {_SAYABLE}")
    relation = {"≤": "<=", "≥": ">=", "": "like"}.get(found[1], found[1])
    if not found[2].isdigit():
        if relation == "multiple of":
            raise ValueError(f"{size}: {text!r} is no rule; {_SAYABLE}")
        return Rule(size, relation, found[2])
    number = int(found[2])
    if relation == "multiple of" and number < 1:
        raise ValueError(f"{size}: {text!r} has no multiples; {_SAYABLE}")
    return Rule(size, "among", (number,)) if relation == "like" else Rule(size, relation, number)


def _written(code: str) -> str:
    """`b11k` as (B, 1, 1, Sk)."""
    axes = {"b": "B", "h": "Hq", "q": "Sq", "k": "Sk", "1": "1"}
    return f"({', '.join(axes[each] for each in code)})"
