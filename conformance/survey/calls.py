"""One tiny call of a survey, and what the implementation says to it.

Only an exception is a refusal. A wrong answer is an answer, and laws judge it; a misspelt name or exhausted memory is a
mistake of the kernel and no way to say no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...adapters.contract import Implementation
from ...adapters.takes import Rule
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..operations import operation_named
from ..problems.build import build
from ..problems.descriptors import StructureError
from ..problems.structure import Structure

__all__ = ["Caller", "Home", "Sizes"]

Sizes = Mapping[str, int]

MISTAKES = frozenset({"NameError", "RecursionError", "MemoryError"})
"""Exceptions that no kernel raises to refuse a problem."""


@dataclass(frozen=True)
class Home:
    """A problem that is accepted, from which a survey changes one thing at a time: sizes, and options as a case has them."""

    sizes: Sizes
    options: Mapping[str, Any]

    def but(self, **sizes: int) -> Home:
        """The same problem in other sizes."""
        return replace(self, sizes={**self.sizes, **sizes})

    def having(self, options: Mapping[str, Any]) -> Home:
        """The same problem with more options."""
        return replace(self, options={**self.options, **options})


class Caller:
    """Makes the calls, and remembers what was said.

    begin: called with a name for each call before it is made, so that one that ends the process is known.
    avoid: names of calls that are not made, because one ended the process before; they count as accepted.
    """

    def __init__(
        self, made: Implementation, begin: Callable[[str], None] = lambda name: None, avoid: frozenset[str] = frozenset()
    ):
        self.made, self.begin, self.avoid = made, begin, avoid
        self.operation = operation_named(made.operation)
        self.subject = Subject(made, made.dtypes[0], {})
        self.calls = 0
        self.said: dict[str, str] = {}

    def learn(self, rule: Rule) -> None:
        """What breaks the rule is not called any more, and counts neither as accepted nor as refused."""
        made = self.subject.implementation
        self.subject.implementation = replace(made, takes=replace(made.takes, rules=(*made.takes.rules, rule)))

    def refusal(self, home: Home) -> str | None:
        """What was raised where the problem is refused, None where it is answered or is beyond what is declared."""
        return self._answer(home)[1]

    def accepts(self, home: Home) -> bool:
        """Whether the problem is answered."""
        answered, words = self._answer(home)
        return answered and words is None

    def refuses(self, *homes: Home) -> str | None:
        """What was raised for the first of several problems, if all of them are refused."""
        words = [self.refusal(home) for home in homes]
        return words[0] if words and None not in words else None

    def _answer(self, home: Home) -> tuple[bool, str | None]:
        """Whether a call was made, and what it raised."""
        sizes, options = self._fitted(home)
        asked = tuple(option for option in self.operation.asks if option in options)
        try:
            structure = Structure(
                dtype=self.subject.dtype,
                sizes=sizes,
                options={name: value for name, value in options.items() if name not in asked},
                values=next(iter(self.operation.contents)),
                operation=self.made.operation,
                seed=self.calls % 7,
            )
        except StructureError:
            return False, None
        name = f"{structure.query()}&{'&'.join(asked)}"
        if name in self.avoid:
            return True, None
        self.begin(name)
        self.calls += 1
        self.subject.forget()
        try:
            self.subject.call(build(structure), asked)
        except NotClaimed:
            return False, None
        except Raised as raised:
            return True, None if MISTAKES & set(raised.kinds) else str(raised)
        except (Broken, SystemExit):
            pass
        return True, None

    def _fitted(self, home: Home) -> tuple[dict[str, int], dict[str, Any]]:
        """Sizes and options with what the operation asks of them together."""
        fit = self.operation.fit
        if fit is None:
            return dict(home.sizes), dict(home.options)
        options, sizes = fit(dict(home.options), set(home.options), home.sizes, set(home.sizes))
        return sizes, options
