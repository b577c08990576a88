"""The mask and the weights of any implementation, read through V.

With V one-hot over a slab of keys the output is their weights, whatever a kernel fuses. With Q = 0 all visible keys weigh the
same, so a weight that is not 0 is a key that is seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.subject import Subject
from ..problems.problem import Problem
from ..vocabulary.observations import weights
from ..vocabulary.transforms import with_queries

__all__ = ["read_mask", "read_weights"]

ADDED = ("bias", "alibi_slopes", "sinks", "softcap", "dropout_p", "seed")
"""Options that change weights and hide nothing, but for a bias of −inf."""


def read_weights(subject: Subject, p: Problem) -> NDArray[np.float64]:
    """The weights (B, Hq, Sq, Sk). Raises Undecided where that takes too many calls, and as `Subject.out` does."""
    subject.intervals = False
    found: Any = weights(subject, p)
    return np.asarray(found.value)


def read_mask(subject: Subject, p: Problem) -> NDArray[np.bool_]:
    """Which keys each row sees, bool (B, Hq, Sq, Sk). Raises as `read_weights` does.

    Without options that only change weights; a bias of −inf, which hides its key, is left out with them.
    """
    flat = with_queries(p.but(**dict.fromkeys(ADDED)), 0.0)
    return np.asarray(read_weights(subject, flat) != 0)
