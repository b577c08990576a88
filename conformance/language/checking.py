"""Checks an equation against the vocabulary: every word known, every argument of the right kind."""

from __future__ import annotations

from ...spec.nearest import nearest
from ..vocabulary import CONSTANTS, WORDS, load_installed_words
from .errors import SpecError
from .for_options import check_option
from .grammar import Binary, Call, Equation, Expression, Name, Negation, Number
from .vacuity import check_says_something

__all__ = ["check_condition", "check_equation"]

NAMED = {
    "Problem": "a problem",
    "Problems": "several problems",
    "Value": "a value",
    "Values": "several values",
    "Pair": "a pair of output and logsumexp",
    "Pairs": "several such pairs",
    "Constant": "a name",
}


def check_equation(equation: Equation, operation: str) -> None:
    """Raise SpecError (without a place) unless both sides are values of the operation, and the equation can be false."""
    for side in (equation.left, equation.right):
        _expect(side, frozenset({"Value"}), "a side of an equation", operation)
    check_says_something(equation)


def check_condition(condition: Expression, operation: str) -> None:
    """Raise SpecError (without a place) unless the condition is a value."""
    _expect(condition, frozenset({"Value"}), "a condition", operation)


def _expect(node: Expression, wanted: frozenset[str], place: str, operation: str) -> frozenset[str]:
    """The kinds of an expression, one of which must be wanted."""
    kinds = _kinds(node, operation)
    if not kinds & wanted:
        raise SpecError(f"{place} is {_either(wanted)}, not {_either(kinds)}")
    return kinds


def _kinds(node: Expression, operation: str) -> frozenset[str]:
    if isinstance(node, Number):
        return frozenset({"Value"})
    if isinstance(node, Name):
        return _kinds_of_name(node.name)
    if isinstance(node, Negation):
        _expect(node.operand, frozenset({"Value"}), "what unary minus takes", operation)
        return frozenset({"Value"})
    if isinstance(node, Binary):
        for side in (node.left, node.right):
            _expect(side, frozenset({"Value"}), f"what {node.operator} takes", operation)
        return frozenset({"Value"})
    return _kinds_of_call(node, operation)


def _kinds_of_name(name: str) -> frozenset[str]:
    if name == "p":
        return frozenset({"Problem"})
    if name in CONSTANTS:
        return frozenset({"Constant"})
    if name in WORDS:
        raise SpecError(f"{name!r} is a word that is called: {WORDS[name].usage}")
    raise SpecError(f"unknown name {name!r}{nearest(name, ['p', *CONSTANTS])}; the problem is called p")


def _kinds_of_call(node: Call, operation: str) -> frozenset[str]:
    if node.word not in WORDS:
        load_installed_words()
    if node.word not in WORDS:
        raise SpecError(f"unknown word {node.word!r}{nearest(node.word, WORDS)}")
    known = WORDS[node.word]
    try:
        bound = known.signature.bind(*node.arguments, **dict(node.keywords))
    except TypeError as error:
        raise SpecError(f"{node.word}: {error}; it is written {known.usage}") from None
    first: frozenset[str] | None = None
    for name, argument in bound.arguments.items():
        parameter = known.signature.parameters[name]
        many = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        items = argument.values() if isinstance(argument, dict) else argument if many else [argument]
        if parameter.kind is parameter.VAR_KEYWORD:
            for option, value in argument.items():
                check_option(node.word, option, value, operation)
        for item in items:
            kinds = _expect(item, known.accepts[name], f"the argument {name} of {node.word}", operation)
            first = first or kinds
    return _result(known.gives, known.accepts, first)


def _result(gives: frozenset[str], accepts: dict[str, frozenset[str]], first: frozenset[str] | None) -> frozenset[str]:
    """A word that maps over lists gives a list for a list: out(each_head(p)) is several values."""
    if len(gives) == 1 or first is None:
        return gives
    if {"Value", "Values"} <= gives:
        return frozenset({"Values"}) if first & {"Problems", "Pairs", "Values"} else frozenset({"Value"})
    if {"Pair", "Pairs"} <= gives:
        return frozenset({"Pairs"}) if first & {"Problems"} else frozenset({"Pair"})
    return first & gives or gives


def _either(kinds: frozenset[str]) -> str:
    return " or ".join(NAMED[kind] for kind in NAMED if kind in kinds)
