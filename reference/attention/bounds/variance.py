"""How far the roundings of a correct kernel scatter: V, instead of a variance where roundings are taken as random.

Levels that count roundings one by one hold on any data. Those that estimate (score tests, probabilistic bounds) take each
rounding as a random number of mean zero, independent of the others, inside the interval that it cannot leave. A number in
[−c, c] with mean zero scatters no more than one of variance c² (Hoeffding's lemma), so each error enters V with its square,
and exp(−λ²/2) bounds the chance that a weighted sum of them passes λ·sqrt(V). A uniform rounding has a third of that.

The hypothesis is false on structured data: weights that are all one number are all rounded the same way. V is for data that
the kit drew at random, with V of random signs, and for nothing else.

With the identity of this package, errors that numerator and row sum share count by v − o, those of one side by v:

    V = Σ p² varlog (v−o)² + Σ ρ² v² + u²[ n (Σ p|v|)² + n o² ] + (operands that are scaled and rounded again)
    varlog = (D + c)·u²·(A + B)² + stores·u_s²·(|s| + B)²,
    A = scale·|q|·|k|,  B = |bias| + |ALiBi|,  ρ = u_p·p + what underflows,

with v−o instead of v in the second sum where the row sum is taken from the rounded weights. What one kernel does the
same way each time is not scatter: `systematic`, D2 of `logits` with the errors of its exponentials (those of different
arguments taken as independent). Sources: N. Higham, T. Mary, A new approach to probabilistic rounding error analysis, SIAM J.
Sci. Comput. 41 (2019), for the model; W. Hoeffding, JASA 58 (1963), for the lemma.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arithmetic import ROUNDOFF, Arithmetic
from ...roundoff import DIVIDE, SCALE
from ..inputs import Inputs
from ..scores import kv_head
from .facts import Facts
from .logits import logit_errors, merges
from .output import row_sums
from .weights import weight_errors

__all__ = ["Variance", "element_variance", "variance_of", "weighted_spread"]

Array = NDArray[Any]


@dataclass(eq=False, slots=True)
class Variance:
    """The parts of V, each a square but for `rounded` and `systematic`.

    (B, Hq, R, Sk): logits, varlog; rounded, ρ; systematic, what may repeat, an absolute error of the logarithm of a weight.
    one_sided: for each way in which the row sum may be taken, whether it is from unrounded weights, so that ρ meets v and
    not v − o. accumulated (B, Hq, R, Dv): of the numerator, independent from element to element. common (B, Hq, R, 1):
    relative, shared by all elements of a row.

    operands: u² of the rounding of queries and keys, scaled or on their way into the multiplier; 0 for none. one_operand: it is
    one of the two, nobody knows which. What it does to scores: row (B, Hq, R, 1), of a query, per unit of Var_p of the values;
    column (B, Hq, R, Sk), of a key; both 0.0 for none.
    """

    logits: Array
    rounded: Array
    systematic: Array
    one_sided: tuple[bool, ...]
    accumulated: Array
    common: Array
    operands: float
    one_operand: bool
    row: Array | float
    column: Array | float


def variance_of(given: Inputs, facts: Facts, arithmetic: Arithmetic, dtype: str) -> Variance:
    """The parts of V for one call (`given` descaled, `facts` as in `judgement`) under one arithmetic. dtype: of q and k.

    Softcap is not carried: its tanh has an error that repeats. Sinks and dropout are carried in `facts.out` and `facts.share`
    only, so a sink's own rounding is missing. Callers leave the three out.
    """
    u = arithmetic.u_acc
    logits = logit_errors(facts, arithmetic, dtype)
    weights = weight_errors(facts, logits, replace(arithmetic, splits=1))
    times = weights.rescalings + 2.0 * merges(facts, arithmetic)

    size, reach = facts.products * facts.scale, np.abs(facts.scores)
    for extra in (facts.bias, facts.alibi):
        if extra is not None:
            size, reach = size + extra, reach + extra
    varlog = (facts.features + SCALE + facts.descales) * u * u * size * size
    if arithmetic.stored_scores:
        stores = 2 + (facts.bias is not None) + 2 * (facts.alibi is not None)
        varlog = varlog + stores * (ROUNDOFF[arithmetic.stored_scores] * np.minimum(size, reach)) ** 2
    unit = ROUNDOFF[arithmetic.stored_weights] if arithmetic.stored_weights else 0.0
    rounded = math.hypot(unit, arithmetic.u_operand) * facts.weights
    if weights.lost is not None:
        rounded = rounded + weights.lost

    operands = (ROUNDOFF[dtype] ** 2 if arithmetic.n_pre else 0.0) + arithmetic.u_operand**2
    row, column = _operands(given, facts, operands) if operands else (0.0, 0.0)
    if arithmetic.u_block:
        # The square of what each entry of a block may be off by, the same for all of them.
        key, _, largest_key = facts.columns.centred
        square = (arithmetic.u_block * facts.scale) ** 2
        row = row + square * facts.columns.largest_query**2 * (facts.weights @ (key * key)).sum(-1, keepdims=True)
        column = column + square * largest_key**2 * (given.q * given.q).sum(-1, keepdims=True)

    additions = facts.count + times + DIVIDE + 2 * (facts.share is not None) + facts.values_descaled
    return Variance(
        logits=varlog,
        rounded=rounded,
        systematic=np.hypot(logits.delta - logits.first, arithmetic.u_exp * np.sqrt(1 + times)),
        one_sided=tuple(not shared for shared in row_sums(arithmetic)),
        accumulated=additions * (u * facts.size) ** 2,
        common=additions * u * u + 0.0 * facts.count,
        operands=operands,
        one_operand=arithmetic.n_pre == 1 and not arithmetic.u_operand,
        row=row,
        column=column,
    )


def element_variance(facts: Facts, variance: Variance) -> Array:
    """V of each output, (B, Hq, R, Dv), `systematic` left out.

    A query that is rounded again moves all scores of its row; by Cauchy and Schwarz that makes at most Σ_d u²·scale²·q_d²·
    Var_p(k_d) times the spread of the values.
    """
    p = facts.weights
    shared = p * p * (variance.logits + variance.column)
    squares = variance.rounded**2
    ways = [
        weighted_spread(shared, facts) + weighted_spread(squares, facts, about_zero=True)
        if one_sided
        else weighted_spread(shared + squares, facts)
        for one_sided in variance.one_sided
    ]
    row = variance.row * facts.spread**2
    return np.asarray(np.maximum.reduce(ways) + row + variance.accumulated + variance.common * facts.out**2)


def _operands(given: Inputs, facts: Facts, square: float) -> tuple[Array, Array]:
    """What roundings of that square in the entries of q and of k do to scores: `row` and `column` of Variance."""
    p, key = facts.weights, given.k[:, kv_head(given.q.shape[1], given.k.shape[1])]
    if facts.seen is not None:
        key = np.where(np.any(facts.seen, axis=2)[..., None], key, 0.0)
    squares, pushed = key * key, square * (given.q * facts.scale) ** 2
    spread = np.maximum(p @ squares - (p @ key) ** 2, 0.0)
    return (pushed * spread).sum(-1, keepdims=True), pushed @ squares.swapaxes(-1, -2)


def weighted_spread(weights: Array, facts: Facts, about_zero: bool = False) -> Array:
    """Σ_j weights_ij (v_jd − o_id)², or Σ_j weights_ij v_jd², as matrix products, (B, Hq, R, Dv)."""
    v = facts.signed
    first = weights if facts.share is None else weights * facts.share
    second = first if facts.share is None else first * facts.share
    squares = second @ (v * v)
    if about_zero:
        return np.asarray(squares)
    total = weights.sum(-1, keepdims=True)
    return np.asarray(np.maximum(squares - 2 * facts.out * (first @ v) + total * facts.out**2, 0.0))
