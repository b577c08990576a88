"""A word of the law language: a small Python function with a docstring, registered under its own name.

The annotations of its parameters say what may stand there, so that a wrong argument is found when a law is loaded:
`Problem`, `Problems` (a list), `Value` (a number, an array or a Bounded), `Values`, `Pair` (output and logsumexp),
`Pairs`, `Constant` (a name such as `transposed`), or a union of these. A word that runs the implementation takes the
`subject` first; the evaluator supplies it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..bounded import Bounded
from ..problems.problem import Problem

__all__ = [
    "CONSTANTS",
    "GRADIENTS",
    "WORDS",
    "Constant",
    "Pair",
    "Pairs",
    "Problems",
    "Undecided",
    "Value",
    "Values",
    "Word",
    "word",
]

GRADIENTS = "gradients"
"""What a word asks of an implementation that must have a backward pass."""

KINDS = ("Problem", "Problems", "Value", "Values", "Pair", "Pairs", "Constant")


class Undecided(Exception):
    """The equation says nothing about this problem (no key is hidden, no row sees a key). The example does not count."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What one call gave: out (B, Hq, Sq, Dv) and lse (B, Hq, Sq)."""

    out: Bounded
    lse: Bounded


@dataclass(frozen=True, eq=False)
class Gradients:
    """What one backward pass gave: dq (B, Hq, Sq, D), dk (B, Hkv, Sk, D) and dv (B, Hkv, Sk, Dv)."""

    dq: Bounded
    dk: Bounded
    dv: Bounded


@dataclass(frozen=True)
class Constant:
    """A name that stands for itself, such as `transposed` or `absent`."""

    name: str
    value: Any


Value = Bounded | float
Problems = list[Problem]
Values = list[Bounded]
Pairs = list[Pair]

CONSTANTS: dict[str, Constant] = {
    name: Constant(name, name) for name in ("contiguous", "transposed", "sliced", "offset", "expanded")
} | {"absent": Constant("absent", None), "true": Constant("true", True), "false": Constant("false", False)}


@dataclass(frozen=True, eq=False)
class Word:
    """One word: what it computes, whether it runs the implementation, and the kinds of its parameters.

    asks: the option that the implementation must claim for the word to be observed, if any; GRADIENTS for a backward pass.
    """

    name: str
    function: Callable[..., Any]
    group: str
    observes: bool
    signature: inspect.Signature
    accepts: dict[str, frozenset[str]]
    gives: frozenset[str]
    doc: str
    asks: str | None = None

    @property
    def usage(self) -> str:
        """How the word is written."""
        plain = [p.replace(annotation=p.empty) for p in self.signature.parameters.values()]
        return f"{self.name}{self.signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)}"


WORDS: dict[str, Word] = {}
F = TypeVar("F", bound=Callable[..., Any])


def word(group: str, asks: str | None = None) -> Callable[[F], F]:
    """Register a function as a word of one group: transforms, observations, meanings or combiners.

    asks: an option that an implementation must claim for the word to make sense.

    Raises TypeError where the function has no docstring or a parameter has no kind.
    """

    def register(function: F) -> F:
        name = function.__name__.rstrip("_")
        if not function.__doc__:
            raise TypeError(f"the word {name} has no docstring")
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())
        observes = bool(parameters) and parameters[0].name == "subject"
        shown = signature.replace(parameters=parameters[1:] if observes else parameters)
        accepts = {p.name: _kinds(p.annotation, name, p.name) for p in shown.parameters.values()}
        gives = _kinds(signature.return_annotation, name, "return")
        doc = inspect.cleandoc(function.__doc__)
        WORDS[name] = Word(name, function, group, observes, shown, accepts, gives, doc, asks)
        return function

    return register


def _kinds(annotation: Any, name: str, parameter: str) -> frozenset[str]:
    kinds = frozenset(part.strip() for part in str(annotation).split("|") if part.strip() != "None")
    if not kinds or not kinds <= set(KINDS):
        raise TypeError(f"the word {name}: {parameter} is annotated {annotation!r}; the kinds are {', '.join(KINDS)}")
    return kinds
