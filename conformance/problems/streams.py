"""One independent stream of random numbers for each array of a problem.

A case must keep its data while a shrinker changes it: taking an option away, or giving the values another width, may not
reshuffle q and k. So every array draws from a generator of its own, named by the array and seeded by the case.
NumPy's SeedSequence makes streams from [seed, tag] independent (NumPy documentation, "Parallel random number generation").
"""

from __future__ import annotations

import numpy as np

__all__ = ["stream"]

TAGS = {
    "q": 1,
    "k": 2,
    "v": 3,
    "direction": 4,
    "levels": 5,
    "rows": 6,
    "mask": 11,
    "bias": 12,
    "q_segments": 13,
    "kv_segments": 14,
    "kv_lengths": 15,
    "alibi_slopes": 16,
    "sinks": 17,
    "q_descale": 18,
    "k_descale": 19,
    "v_descale": 20,
    "block_mask": 31,
    "decay": 41,
    "gate": 42,
    "beta": 43,
    "initial_state": 44,
    "cu_seqlens": 45,
    "projection": 51,
}
"""Fixed for good: a number that changes here changes the data of every printed case."""


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one array, the same each time. Raises KeyError for a name that has no tag."""
    return np.random.default_rng([seed, TAGS[name]])
