"""The mask and the weights of any implementation, read through V.

With V one-hot over a slab of keys the output is their weights, whatever a kernel fuses. With Q = 0 all visible keys weigh the
same, so a finite weight that is not 0 is a key that is seen. NaN and infinity say neither, and stay what they are.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.subject import Subject
from ..meaning import attended
from ..operations import operation_named
from ..problems.problem import Problem
from ..vocabulary.observations import one_hot_slabs, weights
from ..vocabulary.transforms import with_queries
from .call_log import Observed

__all__ = ["KeyState", "key_states", "read_mask", "read_weights", "unadded"]


class KeyState(IntEnum):
    """What a weight says of its key, where every visible key weighs the same."""

    HIDDEN = 0
    SEEN = 1
    NAN = 2
    INFINITE = 3


def key_states(flat_weights: Any) -> NDArray[np.uint8]:
    """The KeyState of each weight."""
    seen = np.where(flat_weights != 0, KeyState.SEEN, KeyState.HIDDEN)
    finite = np.where(np.isinf(flat_weights), KeyState.INFINITE, seen)
    return np.where(np.isnan(flat_weights), KeyState.NAN, finite).astype(np.uint8)


def unadded(p: Problem) -> Problem:
    """The problem without options that change weights and hide nothing, but for a bias of −inf."""
    return p.but(**dict.fromkeys(operation_named(p.operation).spoken_of(lambda option: option.adds)))


def read_weights(subject: Subject, p: Problem) -> Observed:
    """The weights (B, Hq, Sq, Sk) with their intervals, and what is due where a row of an output is read so.

    That a row which sees no key gives the mean, or NaN, is due too. Raises Undecided where it takes too many calls, and as
    `Subject.out` does.
    """
    subject.intervals = True
    read: Any = weights(subject, p)
    due = np.concatenate([attended(slab).out for slab in one_hot_slabs(p)], -1)[..., : p.sk]
    return Observed(read.value, read.low, read.high, due, np.ones((1, 1, 1, 1)))


def read_mask(subject: Subject, p: Problem) -> NDArray[np.uint8]:
    """Which keys each row sees, a KeyState each, (B, Hq, Sq, Sk). Raises as `read_weights` does.

    Without options that only change weights; a bias of −inf, which hides its key, is left out with them. Each key is read
    through two features, where there are two, and is what a finite number of either says: a mistake about a feature is none of
    a mask.
    """
    flat = with_queries(unadded(p), 0.0)
    subject.intervals = False
    read: Any = weights(subject, flat)
    first = key_states(read.value)
    if p.dv < 2:
        return first
    slabs = [slab.having(v=np.ascontiguousarray(slab.v[..., ::-1])) for slab in one_hot_slabs(flat)]
    outs: list[Any] = [subject.out(slab) for slab in slabs]
    second = key_states(np.concatenate([out.value[..., ::-1] for out in outs], axis=-1)[..., : p.sk])
    either = (first == KeyState.SEEN) | (second == KeyState.SEEN)
    return np.where(either, KeyState.SEEN, np.minimum(first, second)).astype(np.uint8)
