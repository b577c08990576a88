"""Which keys are chosen by their scores for sure, whatever a declared arithmetic makes of the scores.

A computed score lies within D1 of the exact one (`logits`). A choice is clear where the smallest chosen score, less its error,
is larger than the largest score left out and its error: then every kernel that chooses by its own scores chooses the same.

D1 leaves out what underflow takes where an exponential would not see it; an order sees it. So each operand may lose as much as
is flushed and take its share of the other with it, and each of D products, their sums and the scale may lose it once more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import REFERENCE, Arithmetic
from ..attention.bounds.columns import columns_of
from ..attention.bounds.facts import facts_of
from ..attention.bounds.logits import logit_errors
from ..attention.inputs import descaled, read
from ..attention.textbook import attention

__all__ = ["clear_choice"]


def clear_choice(
    q: Any, k: Any, top_k: int, chosen: NDArray[np.bool_], *, arithmetic: Arithmetic, dtype: str, **options: Any
) -> NDArray[np.bool_]:
    """Rows of which the choice is clear, bool (B, Hq, Sq, 1).

    q: (B, Hq, Sq, D), k: (B, Hkv, Sk, D). chosen: bool (B, Hq, Sq, Sk), the keys of the largest exact scores. options: those of
    the call of attention from whose visible keys they are chosen. Where no more than top_k are visible, the choice is clear.
    """
    attended = attention(q, k, k, **options)
    given = read(q, k, k, **options)
    with np.errstate(all="ignore"):
        facts = facts_of(given, attended, columns_of(descaled(given)))
        logits = logit_errors(facts, arithmetic, dtype)
        lost = 2 * arithmetic.least * max(1.0, facts.scale) * (facts.key_sums + facts.query_sums + facts.features + 2)
        error = logits.first + logit_errors(facts, REFERENCE, "float64").first + lost
        least = np.where(chosen, attended.scores - error, np.inf).min(-1, keepdims=True, initial=np.inf)
        most = np.where(attended.visible & ~chosen, attended.scores + error, -np.inf).max(-1, keepdims=True, initial=-np.inf)
        clear = (attended.visible.sum(-1, keepdims=True) <= top_k) | (least > most)
    return np.asarray(clear if logits.overflow is None else clear & ~logits.overflow)
