"""Evaluates an expression of the law language on one problem and one subject."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..bounded import Bounded, bounded
from ..language.grammar import Binary, Call, Expression, Name, Negation, Number
from ..language.law import Law
from ..problems.problem import Problem
from ..vocabulary import CONSTANTS, WORDS
from .relation import Decision, decide

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["decide_law", "evaluate"]

OPERATORS: dict[str, Callable[[Any, Any], Bounded]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def decide_law(law: Law, p: Problem, subject: Subject) -> Decision:
    """Whether the law holds for one problem. Raises Undecided, and what the subject raises."""
    subject.intervals = law.relation.relation != "=="
    where = None if law.condition is None else evaluate(law.condition, p, subject)
    left = evaluate(law.relation.left, p, subject)
    right = evaluate(law.relation.right, p, subject)
    return decide(left, law.relation.relation, right, where)


def evaluate(node: Expression, p: Problem, subject: Subject) -> Any:
    """The value of an expression that `checking` has accepted."""
    if isinstance(node, Number):
        return bounded(node.value)
    if isinstance(node, Name):
        return p if node.name == "p" else CONSTANTS[node.name]
    if isinstance(node, Negation):
        return -evaluate(node.operand, p, subject)
    if isinstance(node, Binary):
        return OPERATORS[node.operator](evaluate(node.left, p, subject), evaluate(node.right, p, subject))
    assert isinstance(node, Call)
    known = WORDS[node.word]
    arguments = [evaluate(argument, p, subject) for argument in node.arguments]
    keywords = {name: evaluate(argument, p, subject) for name, argument in node.keywords}
    if known.observes:
        arguments.insert(0, subject)
    return known.function(*arguments, **keywords)
