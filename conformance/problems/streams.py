"""One independent stream of random numbers for each array of a problem.

A case must keep its data while a shrinker changes it: taking an option away, or giving the values another width, may not
reshuffle q and k. So every array draws from a generator of its own, named by the array and seeded by the case.
NumPy's SeedSequence makes streams from [seed, tag] independent (NumPy documentation, "Parallel random number generation").
"""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["choices", "stream"]

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
"""Fixed for good: a number that changes here changes the data of every printed case. Each stands once."""

CHOICES = {
    "watched row": 11,
    "poison": 12,
    "order of keys": 13,
    "cut between keys": 14,
    "code": 21,
    "target": 22,
    "swamp": 23,
    "whole numbers": 24,
    "cut between queries": 25,
    "grown window": 31,
    "upstream gradient": 41,
    "junk": 42,
    "axes": 43,
    "cut between steps": 44,
    "seeds": 51,
    "signs": 52,
    "pattern": 61,
}
"""What words choose for themselves, each from a stream of its own. Each number stands once."""


OTHERS = 1 << 10
"""Above it are numbers of arrays that are not the kit's own: an operation from elsewhere names its arrays as it likes."""


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one array, the same each time. One that has no tag has the number of its letters."""
    return np.random.default_rng([seed, TAGS.get(name, OTHERS + zlib.crc32(name.encode()))])


def choices(geometry_seed: int, purpose: str) -> np.random.Generator:
    """The generator of one choice that a word makes, the same each time. Raises KeyError for a purpose that has no number."""
    return np.random.default_rng([geometry_seed, CHOICES[purpose]])
