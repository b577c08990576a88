"""An equation must be able to be false: something that the implementation gives is compared with something else.

`1 == 1` runs nothing. `out(p) == out(p)` compares one call with itself, because the same call on the same problem is made once.
`out(p) - out(p) ≈ 0` and `0 * out(p) == 0` say no more. Each would be green whatever the implementation does, so each is
refused when it is loaded. What the calls cancel is seen as in school: both sides are brought together as a sum of products.
An equation that can be false and still rejects no mistake is found by trying it (conformance/kills/own_laws.py).
"""

from __future__ import annotations

from collections import Counter

from ..vocabulary import WORDS
from .errors import SpecError
from .grammar import Binary, Call, Equation, Expression, Name, Negation, Number

__all__ = ["check_says_something"]

Product = frozenset[tuple[Expression, int]]
"""Factors with their powers."""

Sum = dict[Product, float]
"""Products with their coefficients."""

ONE: Product = frozenset()


def check_says_something(equation: Equation) -> None:
    """Raise SpecError (without a place) for an equation that no implementation can break. Its words must be known."""
    left, right = _ordered(equation.left), _ordered(equation.right)
    if not (_observes(left) or _observes(right)):
        raise SpecError(
            "the equation never runs the implementation, so it says nothing about it; "
            "compare something that it gives, as out(p) or lse(p)"
        )
    if left == right:
        raise SpecError(
            "the two sides are the same expression, and the same call is made once; "
            "a second call of p is written out(p, after=p)"
        )
    rest = _minus(_sum(left), _sum(right))
    if not any(_observes(factor) for product in rest for factor, _ in product):
        raise SpecError(
            "what the implementation gives cancels out of the equation: the same call is made once. A second call of p is "
            "written out(p, after=p); that an answer is neither NaN nor infinite is written finite(out(p)) ≈ 1"
        )


def _observes(node: Expression) -> bool:
    return any(WORDS[word].observes for word in node.words())


def _ordered(node: Expression) -> Expression:
    """The same expression with keyword arguments in alphabetical order."""
    if isinstance(node, Negation):
        return Negation(_ordered(node.operand))
    if isinstance(node, Binary):
        return Binary(node.operator, _ordered(node.left), _ordered(node.right))
    if isinstance(node, Call):
        keywords = tuple(sorted((name, _ordered(value)) for name, value in node.keywords))
        return Call(node.word, tuple(_ordered(argument) for argument in node.arguments), keywords)
    return node


def _sum(node: Expression) -> Sum:
    """An expression as a sum of products. A product or quotient of sums stays one factor: it is not multiplied out."""
    if isinstance(node, Number):
        return {ONE: node.value} if node.value else {}
    if isinstance(node, Negation):
        return _minus({}, _sum(node.operand))
    if isinstance(node, Name | Call):
        return {frozenset({(node, 1)}): 1.0}
    left, right = _sum(node.left), _sum(node.right)
    if node.operator == "+":
        return _minus(left, _minus({}, right))
    if node.operator == "-":
        return _minus(left, right)
    sign = 1 if node.operator == "*" else -1
    if len(right) == 1:
        return _times(left, right, sign)
    if sign > 0 and len(left) == 1:
        return _times(right, left, sign)
    if sign > 0 and not (left and right):
        return {}
    return {frozenset({(node, 1)}): 1.0}


def _times(terms: Sum, one: Sum, sign: int) -> Sum:
    """A sum times a single product, or divided by it where the sign is negative."""
    ((factors, coefficient),) = one.items()
    made: Sum = {}
    for product, weight in terms.items():
        powers = Counter(dict(product))
        for factor, power in factors:
            powers[factor] += sign * power
        key = frozenset((factor, power) for factor, power in powers.items() if power)
        made[key] = made.get(key, 0.0) + (weight * coefficient if sign > 0 else weight / coefficient)
    return {product: weight for product, weight in made.items() if weight}


def _minus(left: Sum, right: Sum) -> Sum:
    made = dict(left)
    for product, weight in right.items():
        made[product] = made.get(product, 0.0) - weight
    return {product: weight for product, weight in made.items() if weight}
