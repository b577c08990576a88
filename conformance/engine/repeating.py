"""Which implementations give the same bits twice; only these are asked for the same bits.

A sum whose order changes from call to call, by atomic additions or threads, is correct, and never the same to the last bit. A
law that sets one call beside another with `==` would reject it for what it does not promise. So where such a law fails, its
calls are made again: if one of them gives other bits, the law is held within bounds instead, as with `≈`, and the result says
so. A law about the promise itself, `claims: [deterministic]`, is never softened.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ...adapters.contract import Implementation
from ..language.grammar import Binary, Call, Expression, Negation
from ..language.law import Law
from ..remembered import kept_for_a_run
from ..vocabulary import WORDS
from .subject import Subject

__all__ = ["WITHIN_BOUNDS", "asks_same_bits", "repeats"]

WITHIN_BOUNDS = "held within bounds instead of to the last bit, because two equal calls gave different bits"

AGAIN = 8
"""How often the calls of one problem are made again before they are believed to repeat."""

CONVINCED = 4
"""Problems after which an implementation that always repeated is not asked again."""

COUNTING = ("positive", "finite", "refuses", "answers", "changed_inputs", "returns_dtype")
"""Words that make whole numbers of what came, which no order of additions changes."""

_REPEATED: WeakKeyDictionary[Implementation, int] = kept_for_a_run(WeakKeyDictionary())
"""Problems on which each implementation repeated its bits; −1 where it did not once."""


def asks_same_bits(law: Law) -> bool:
    """Whether a law asks that two calls agree to the last bit, without asking for that promise."""
    claims = law.given.get("claims", [])
    promised = "deterministic" in (claims if isinstance(claims, list) else [claims])
    sides = (law.relation.left, law.relation.right)
    return law.relation.relation == "==" and not promised and all(_measures(side) for side in sides)


def repeats(subject: Subject) -> bool:
    """Whether the calls that a subject has made since `forget` give the same bits when they are made again.

    Once an implementation did not, it is not asked any more. Raises what a call raises.
    """
    made = subject.implementation
    known = _REPEATED.get(made, 0)
    if known < 0 or known >= CONVINCED:
        return known > 0
    same = all(_same_once_more(subject) for _ in range(AGAIN))
    _REPEATED[made] = known + 1 if same else -1
    return same


def _same_once_more(subject: Subject) -> bool:
    for key, (p, answer) in subject._remembered.items():
        if key[0] == "gradients":
            dout = np.frombuffer(key[2], p.q.dtype).reshape(p.b, p.hq, p.sq, p.dv)
            again = subject._answer_gradients(p, dout)
            same = all(before.tobytes() == again[name].tobytes() for name, before in answer.items())
        else:
            same = answer.same(subject._answer(p, *key[1:]))
        if not same:
            return False
    return True


def _measures(node: Expression) -> bool:
    """Whether a side is computed from numbers that the implementation gave."""
    if isinstance(node, Negation):
        return _measures(node.operand)
    if isinstance(node, Binary):
        return _measures(node.left) or _measures(node.right)
    if not isinstance(node, Call) or node.word in COUNTING:
        return False
    arguments: list[Any] = [*node.arguments, *(value for _, value in node.keywords)]
    return WORDS[node.word].observes or any(_measures(each) for each in arguments)
