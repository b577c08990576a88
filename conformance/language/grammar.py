"""Equations: one relation between two expressions of names, numbers, calls, keyword arguments, + - * / and unary minus.

The syntax of an expression is Python's, read with `ast`, which only reads. Everything that is not in this module's short
list is refused by name. Limits on length, depth and the size of numbers come first, because a parser too can be attacked.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from .errors import SpecError

__all__ = [
    "RELATIONS",
    "Binary",
    "Call",
    "Equation",
    "Expression",
    "Name",
    "Negation",
    "Number",
    "read_equation",
    "read_expression",
]

RELATIONS = ("==", "≈", "≤", "≥")
LONGEST = 400
DEEPEST = 24
LARGEST = 1e15


@dataclass(frozen=True)
class Number:
    value: float

    def words(self) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True)
class Name:
    name: str

    def words(self) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True)
class Negation:
    operand: Expression

    def words(self) -> Iterator[str]:
        yield from self.operand.words()


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Expression
    right: Expression

    def words(self) -> Iterator[str]:
        yield from self.left.words()
        yield from self.right.words()


@dataclass(frozen=True)
class Call:
    word: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]

    def words(self) -> Iterator[str]:
        yield self.word
        for argument in self.arguments:
            yield from argument.words()
        for _, argument in self.keywords:
            yield from argument.words()


Expression = Union[Number, Name, Negation, Binary, Call]  # noqa: UP007  (recursive, needs a runtime name)


@dataclass(frozen=True)
class Equation:
    """left `relation` right, where relation is one of RELATIONS."""

    left: Expression
    relation: str
    right: Expression


def read_equation(text: str) -> Equation:
    """Parse an equation. Raises SpecError (without a place) that says what is not allowed."""
    _limits(text)
    found = re.findall("|".join(map(re.escape, RELATIONS)), text)
    if not found:
        raise SpecError(f"the equation has no relation; write one of {' '.join(RELATIONS)} between two expressions: {text!r}")
    if len(found) > 1:
        raise SpecError(f"the equation has {len(found)} relations ({' '.join(found)}); a law states one: {text!r}")
    left, right = text.split(found[0])
    return Equation(read_expression(left), found[0], read_expression(right))


def read_expression(text: str) -> Expression:
    """Parse one expression. Raises SpecError (without a place)."""
    _limits(text)
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise SpecError(f"cannot read the expression {text.strip()!r}: {reason}") from None
    return _read(tree.body, 0)


def _limits(text: str) -> None:
    if len(text) > LONGEST:
        raise SpecError(f"an equation has at most {LONGEST} characters, this one has {len(text)}")
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise SpecError(f"an equation nests at most {DEEPEST} deep, this one {deepest}")


_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def _read(node: ast.expr, depth: int) -> Expression:
    if depth > DEEPEST:
        raise SpecError(f"an equation nests at most {DEEPEST} deep")
    if isinstance(node, ast.Constant):
        return _number(node)
    if isinstance(node, ast.Name):
        return Name(_plain(node.id))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return Negation(_read(node.operand, depth + 1))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return Binary(_OPERATORS[type(node.op)], _read(node.left, depth + 1), _read(node.right, depth + 1))
    if isinstance(node, ast.Call):
        return _call(node, depth)
    raise SpecError(f"{_named(node)} is not part of the law language: {ast.unparse(node)!r}")


def _call(node: ast.Call, depth: int) -> Call:
    if not isinstance(node.func, ast.Name):
        raise SpecError(f"only words of the vocabulary can be called, not {_named(node.func)}: {ast.unparse(node.func)!r}")
    if any(isinstance(argument, ast.Starred) for argument in node.args) or any(k.arg is None for k in node.keywords):
        raise SpecError(f"* and ** arguments are not part of the law language: {ast.unparse(node)!r}")
    keywords = tuple((_plain(str(k.arg)), _read(k.value, depth + 1)) for k in node.keywords)
    return Call(_plain(node.func.id), tuple(_read(argument, depth + 1) for argument in node.args), keywords)


def _number(node: ast.Constant) -> Number:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise SpecError(f"only numbers can stand in an equation, not {node.value!r}")
    if abs(node.value) > LARGEST:
        raise SpecError(f"a number in an equation is at most {LARGEST:g} in size")
    return Number(float(node.value))


def _plain(name: str) -> str:
    if name.startswith("_"):
        raise SpecError(f"names that start with an underscore are not part of the law language: {name!r}")
    return name


def _named(node: ast.AST) -> str:
    kinds: dict[type, str] = {
        ast.Attribute: "an attribute",
        ast.Lambda: "a lambda",
        ast.ListComp: "a comprehension",
        ast.SetComp: "a comprehension",
        ast.DictComp: "a comprehension",
        ast.GeneratorExp: "a comprehension",
        ast.Subscript: "an index",
        ast.Compare: "a second relation",
        ast.BoolOp: "and / or",
        ast.IfExp: "if / else",
        ast.JoinedStr: "a string",
        ast.NamedExpr: "an assignment",
        ast.Tuple: "a tuple",
        ast.List: "a list",
        ast.Dict: "a dictionary",
        ast.Starred: "a star",
    }
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return f"the operator {type(node.op).__name__}"
    return kinds.get(type(node), type(node).__name__)
