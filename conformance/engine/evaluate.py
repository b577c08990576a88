"""Evaluates an expression of the law language on one problem and one subject."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ..bounded import Bounded, bounded
from ..language.grammar import Binary, Call, Expression, Name, Negation, Number
from ..language.law import Law
from ..problems.problem import Problem
from ..vocabulary import CONSTANTS, WORDS
from .relation import Decision, decide
from .repeating import asks_same_bits, repeats

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["decide_law", "evaluate"]

OPERATORS: dict[str, Callable[[Any, Any], Bounded]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


Known = dict[Expression, Any]
"""What the expressions that run no implementation are for one problem."""


def decide_law(law: Law, p: Problem, subject: Subject, known: Known | None = None, *, sentences: bool = True) -> Decision:
    """Whether the law holds for one problem. Raises Undecided, and what the subject raises.

    known: filled here, and of use to the next subject that is tried on the same p: what a transform made is then made once,
    and so is what the reference says of it. sentences: whether to say what is broken.
    """
    known = {} if known is None else known
    relation = law.relation.relation
    if relation == "==" and (subject.arithmetic.u_block or subject.arithmetic.u_block_values):
        relation = "≈"  # entries that share the scale of a block share its rounding, so other keys may change the bits of one
    sameness = relation == "=="

    def decided(intervals: bool, relation: str = relation) -> Decision:
        subject.intervals = intervals
        where = None if law.condition is None else evaluate(law.condition, p, subject, known)
        left, right = (evaluate(side, p, subject, known) for side in (law.relation.left, law.relation.right))
        return decide(left, relation, right, where, sentences=sentences)

    decision = decided(intervals=not sameness)
    # NaN of a kernel whose declared arithmetic may overflow says nothing, and only its interval shows that.
    decision = decided(intervals=True) if sameness and decision.strange else decision
    if decision.holds or not asks_same_bits(law) or repeats(subject):
        return decision
    return replace(decided(True, "≈"), softened=True)


def evaluate(node: Expression, p: Problem, subject: Subject, known: Known | None = None) -> Any:
    """The value of an expression that `checking` has accepted. known: as in `decide_law`."""
    known = {} if known is None else known
    if node in known:
        return known[node]
    value = _evaluate(node, p, subject, known)
    if not _observes(node):
        known[node] = value
    return value


@cache
def _observes(node: Expression) -> bool:
    """Whether an expression runs the implementation."""
    return any(WORDS[word].observes for word in node.words())


def _evaluate(node: Expression, p: Problem, subject: Subject, known: Known) -> Any:
    if isinstance(node, Number):
        return bounded(node.value)
    if isinstance(node, Name):
        return p if node.name == "p" else CONSTANTS[node.name]
    if isinstance(node, Negation):
        return -evaluate(node.operand, p, subject, known)
    if isinstance(node, Binary):
        left, right = (evaluate(side, p, subject, known) for side in (node.left, node.right))
        return OPERATORS[node.operator](left, right)
    assert isinstance(node, Call)
    word = WORDS[node.word]
    arguments = [evaluate(argument, p, subject, known) for argument in node.arguments]
    keywords = {name: evaluate(argument, p, subject, known) for name, argument in node.keywords}
    if word.observes:
        arguments.insert(0, subject)
    return word.function(*arguments, **keywords)
