"""What softmax attention returns beside its output, and its sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....bounded import bounded
from ....problems.problem import Problem
from ....vocabulary.word import Pair, Pairs, Problems, Value, Values, word

if TYPE_CHECKING:
    from ....engine.subject import Subject


@word("observations", asks="return_lse")
def lse(subject: Subject, p: Problem | Problems | Pair, *, after: Problem | None = None) -> Value | Values:
    """The natural logarithm of the sum of exp over the visible scores (B, Hq, Sq), as the implementation returns it."""
    if isinstance(p, Pair):
        return p.lse
    if isinstance(p, list):
        return [subject.attend(each).lse for each in p]
    return subject.attend(p, after=after).lse


@word("observations", asks="return_lse")
def attend(subject: Subject, p: Problem | Problems) -> Pair | Pairs:
    """Output and logsumexp of one call."""
    if isinstance(p, list):
        return [subject.attend(each) for each in p]
    return subject.attend(p)


@word("observations", asks="return_weights")
def returned_weights(subject: Subject, p: Problem) -> Value:
    """The attention weights (B, Hq, Sq, Sk) that the implementation returns beside its output."""
    return subject.returned_weights(p)


@word("meanings")
def sinks(p: Problem) -> Value:
    """The sink logit of each row, (1, Hq, 1)."""
    return bounded(np.asarray(p.options["sinks"], dtype=np.float64)[None, :, None])
