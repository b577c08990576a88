"""A law and a profile, as loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...spec.operations import law_files
from ..vocabulary.word import GRADIENTS, WORDS
from .grammar import Binary, Call, Equation, Expression, Name, Negation

__all__ = ["Law", "Profile"]


@dataclass(frozen=True, eq=False)
class Law:
    """One equation or inequality about an operation, read from YAML.

    id: `chapter/name`. statement: the law in words. level: must, should or may. why: what goes wrong without it.
    given: the options, sizes, values, claims and conventions that the law needs.
    equation, where: the text as written; relation and condition: what was parsed from them.
    kills: faults that the law rejects. source: addresses. file, line: where it stands.
    """

    id: str
    chapter: str
    statement: str
    operation: str
    equation: str
    level: str
    why: str
    relation: Equation
    given: Mapping[str, Any] = field(default_factory=dict)
    where: str | None = None
    condition: Expression | None = None
    kills: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    file: Path = Path()
    line: int = 0

    def words(self) -> tuple[str, ...]:
        """The words that the law uses, in the order of first use."""
        used = list(self.relation.left.words()) + list(self.relation.right.words())
        if self.condition is not None:
            used += self.condition.words()
        return tuple(dict.fromkeys(used))

    @property
    def asks_for_gradients(self) -> bool:
        """Whether the implementation must have a backward pass."""
        return any(WORDS[word].asks == GRADIENTS for word in self.words())

    @cached_property
    def shipped(self) -> bool:
        """Whether it comes with the kit, whose tests hold it to the definition and to the faults that it names."""
        return self.file.resolve().is_relative_to(Path(str(files("attnspec.spec"))).resolve())

    @property
    def stated(self) -> bool:
        """Whether an operation states it, one from elsewhere too, so that it need not be given as a file."""
        return self.file in law_files()

    def sets(self) -> tuple[str, ...]:
        """The options that the law sets with `but(p, …)`, other than to `absent`."""
        return tuple(dict.fromkeys(name for name, argument in self._changes() if argument != Name("absent")))

    def clears(self) -> tuple[str, ...]:
        """The options that the law takes away with `but(p, …=absent)`."""
        return tuple(dict.fromkeys(name for name, argument in self._changes() if argument == Name("absent")))

    def _changes(self) -> Iterator[tuple[str, Expression]]:
        for side in (self.relation.left, self.relation.right, self.condition):
            if side is not None:
                yield from _changed_by(side)


def _changed_by(node: Expression) -> Iterator[tuple[str, Expression]]:
    """What `but` changes inside an expression: names, and what they become."""
    if isinstance(node, Negation):
        yield from _changed_by(node.operand)
    elif isinstance(node, Binary):
        yield from _changed_by(node.left)
        yield from _changed_by(node.right)
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from _changed_by(argument)
        for name, argument in node.keywords:
            yield from _changed_by(argument)
            if node.word == "but":
                yield name, argument


@dataclass(frozen=True)
class Profile:
    """A named set of laws that a report can certify. laws: ids, or globs over ids."""

    name: str
    about: str
    laws: tuple[str, ...]

    def contains(self, law_id: str) -> bool:
        """Whether a law belongs to the profile."""
        return any(fnmatchcase(law_id, pattern) for pattern in self.laws)
