"""Words of the backward pass: the upstream gradient, what the implementation and the reference make of it, and its sums.

A law writes the upstream gradient where a transform moves rows or heads: grad_q(reverse_heads(p), reverse_heads(upstream(p))).
It leaves it away where none moves: the same problem, with other keys or values, has the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...reference.arithmetic import FLOAT8, REFERENCE
from ...reference.attention.inputs import DESCALES
from ...reference.rounding import round_to
from ..bounded import Bounded, bounded, from_ends
from ..meaning import attended, judged_gradients
from ..problems.problem import Problem
from .meanings import _within
from .transforms import BIG, _exactly, _typed
from .word import GRADIENTS, Undecided, Value, word

if TYPE_CHECKING:
    from ..engine.subject import Subject

EPS = float(np.finfo(np.float64).eps)


@word("meanings")
def upstream(p: Problem) -> Value:
    """A gradient of the output, (B, Hq, Sq, Dv): normal numbers in the dtype of p, the same for the same sizes."""
    drawn = p.generator("upstream gradient").standard_normal((p.b, p.hq, p.sq, p.dv))
    return bounded(round_to(drawn, p.dtype))


@word("meanings")
def swamping(p: Problem, bits: Value) -> Value:
    """A gradient of the output of ±2^(14 − bits) between two rows that cancel, 2^14 in the first and −2^14 in the last.

    With equal weights, its sum over the rows comes out if the accumulator of dv keeps more than `bits` bits below its largest.
    """
    if p.sq < 3:
        raise Undecided("there are fewer than three queries")
    rng, small = p.generator("swamp"), BIG * 2.0 ** -float(bounded(bits).value)
    dout = small * rng.choice([-1.0, 1.0], (p.b, p.hq, p.sq, p.dv))
    dout[:, :, 0] = BIG * rng.choice([-1.0, 1.0], dout[:, :, 0].shape)
    dout[:, :, -1] = -dout[:, :, 0]
    return bounded(dout)


@word("observations", asks=GRADIENTS)
def grad_q(subject: Subject, p: Problem, dout: Value | None = None) -> Value:
    """The gradient of sum(dout · out) in the queries, (B, Hq, Sq, D). dout: upstream(p) where it is not written."""
    return subject.gradients(p, _upstream(p, dout))["dq"]


@word("observations", asks=GRADIENTS)
def grad_k(subject: Subject, p: Problem, dout: Value | None = None) -> Value:
    """The gradient of sum(dout · out) in the keys, (B, Hkv, Sk, D). dout: upstream(p) where it is not written."""
    return subject.gradients(p, _upstream(p, dout))["dk"]


@word("observations", asks=GRADIENTS)
def grad_v(subject: Subject, p: Problem, dout: Value | None = None) -> Value:
    """The gradient of sum(dout · out) in the values, (B, Hkv, Sk, Dv). dout: upstream(p) where it is not written."""
    return subject.gradients(p, _upstream(p, dout))["dv"]


@word("meanings")
def reference_grad_q(p: Problem, dout: Value | None = None) -> Value:
    """The exact gradient in the queries, (B, Hq, Sq, D)."""
    exact = judged_gradients(p, _upstream(p, dout), REFERENCE)
    return _within(exact.dq, exact.dq_bound)


@word("meanings")
def reference_grad_k(p: Problem, dout: Value | None = None) -> Value:
    """The exact gradient in the keys, (B, Hkv, Sk, D)."""
    exact = judged_gradients(p, _upstream(p, dout), REFERENCE)
    return _within(exact.dk, exact.dk_bound)


@word("meanings")
def reference_grad_v(p: Problem, dout: Value | None = None) -> Value:
    """The exact gradient in the values, (B, Hkv, Sk, Dv)."""
    exact = judged_gradients(p, _upstream(p, dout), REFERENCE)
    return _within(exact.dv, exact.dv_bound)


@word("meanings")
def key_is_seen(p: Problem) -> Value:
    """1 for keys that some query of some head of their group sees, 0 for all others, (B, Hkv, Sk, 1)."""
    seen = attended(p).visible.any(axis=2).reshape(p.b, p.hkv, p.hq // p.hkv, p.sk).any(axis=2)
    return bounded(np.asarray(seen)[..., None])


@word("combiners")
def sum_groups(x: Value, p: Problem) -> Value:
    """The sum over the query heads of each key head of p, (B, Hq, …) to (B, Hkv, …)."""
    each = bounded(x)
    group = p.hq // p.hkv
    return _summed(each.each(lambda a: a.reshape(p.b, p.hkv, group, *a.shape[2:])), 2)


@word("combiners")
def sum_positions(x: Value) -> Value:
    """The sum over the positions, (B, H, S, D) to (B, H, 1, D)."""
    return _summed(bounded(x), 2, keepdims=True)


def _summed(x: Bounded, axis: int, keepdims: bool = False) -> Bounded:
    def total(a: Any) -> Any:
        return a.sum(axis, keepdims=keepdims)

    slack = x.shape[axis] * EPS * total(np.maximum(np.abs(x.low), np.abs(x.high)))
    return from_ends(total(x.value), total(x.low) - slack, total(x.high) + slack)


def _upstream(p: Problem, dout: Any) -> Any:
    """An upstream gradient as an array in the dtype of p. Undecided where the dtype cannot hold it."""
    shape = (p.b, p.hq, p.sq, p.dv)
    if p.dtype in FLOAT8 or any(name in p.options for name in DESCALES):
        raise Undecided("gradients through float8 inputs or descales have no derived bound")
    return _typed(bounded(upstream(p)).value, p.dtype) if dout is None else _exactly(dout, shape, p.dtype)
