"""Exact probes: inputs on which a correct kernel has no room, and words that hold it to that.

Queries of zeros, or scores of which one run is exactly 0 and the rest is nothing, make every weight 1 or 0. With small whole
numbers in V all sums are then exact in any order, so the answer is due to the last bit, and a wrong one can be read: which
key is missing, which counts twice, whose values came instead. What of this a declared arithmetic does not promise
(an exp with exp(0) ≠ 1, parts merged by their logsumexp) stands in the interval of `due_out` and `due_lse`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .....reference.rounding import preimage, round_to
from ....bounded import Bounded, bounded
from ....meaning import attended, flat, judged
from ....problems.problem import Problem
from ....vocabulary.meanings import _within
from ....vocabulary.transforms import BIG, _exactly, _typed, largest_power
from ....vocabulary.word import Undecided, Value, word
from ...over_heads.scale import scale_of
from .decoding import read_rows

if TYPE_CHECKING:
    from ....engine.subject import Subject

RUN = 16
"""Keys in a run of a ladder: the smallest tile of real kernels."""

FAR = 128.0
"""A score this far below the largest has the weight exp(−128), which is 0 in float32."""

CODED = 8
"""Features that code the index of a key in `gather`, so at most 256 keys. A power of two: 8·x is exact, rounded or not."""


@word("transforms")
def index_coded(p: Problem) -> Problem:
    """Values −1, 0 and 1: the first columns are the binary code of the key's index as ±1, with signs that differ by head."""
    rng = p.generator("code")
    v = rng.integers(-1, 2, p.v.shape).astype(np.float64)
    bits = min(_bits(p.sk), p.dv)
    signs = rng.choice([-1.0, 1.0], (p.b, p.hkv, 1, bits))
    v[..., :bits] = signs * _code(p.sk, bits)
    return p.having(v=_typed(v, p.dtype))


@word("transforms")
def gather(p: Problem) -> Problem:
    """Queries and keys such that each row takes one key that it sees: that score is exactly 0, all others at most −128."""
    if p.d <= CODED or p.sk > 2**CODED:
        raise Undecided(f"an index of {CODED} bits and a constant take {CODED + 1} features and at most {2**CODED} keys")
    visible = attended(p).visible
    chances = np.where(visible, p.generator("target").random(visible.shape) + 1, 0.0)
    code = _code(p.sk, CODED)
    q, k = np.zeros(p.q.shape), np.zeros(p.k.shape)
    if p.sk:
        q[..., :CODED] = code[chances.argmax(-1)]
    q[..., CODED], k[..., :CODED], k[..., CODED] = -CODED, code, 1.0
    of_query, of_key = _shared(_gap(p, FAR / 2), CODED, p.dtype)
    return p.having(q=_exactly(q * of_query, q.shape, p.dtype), k=_exactly(k * of_key, k.shape, p.dtype))


@word("transforms")
def rising_ladder(p: Problem) -> Problem:
    """Scores that rise by at least 128 from each run of 16 keys to the next, and are exactly 0 in the last run."""
    return _ladder(p, (p.sk - 1 - np.arange(p.sk)) // RUN)


@word("transforms")
def falling_ladder(p: Problem) -> Problem:
    """Scores that are exactly 0 in the first run of 16 keys, and fall by at least 128 from each run to the next."""
    return _ladder(p, np.arange(p.sk) // RUN)


def _ladder(p: Problem, steps: Any) -> Problem:
    q, k = np.zeros(p.q.shape), np.zeros(p.k.shape)
    of_query, of_key = _shared(_gap(p, FAR), 1, p.dtype)
    q[..., 0], k[..., 0] = of_query, -steps * of_key
    return p.having(q=_exactly(q, q.shape, p.dtype), k=_exactly(k, k.shape, p.dtype))


@word("transforms")
def swamped(p: Problem, bits: Value) -> Problem:
    """Values of ±2^(14 − bits) between two that cancel, 2^14 at the first key and −2^14 at the last, or the reverse.

    Their sum comes out exactly if the accumulator of the output keeps more than `bits` bits below its largest. In a dtype that
    does not hold 2^14 the largest power of two that it holds takes its place.
    """
    if p.sk < 3:
        raise Undecided("there are fewer than three keys")
    big = min(BIG, largest_power(p.dtype))
    rng, small = p.generator("swamp"), big * 2.0 ** -float(bounded(bits).value)
    v = small * rng.choice([-1.0, 1.0], p.v.shape)
    v[:, :, 0] = big * rng.choice([-1.0, 1.0], v[:, :, 0].shape)
    v[:, :, -1] = -v[:, :, 0]
    return p.having(v=_exactly(v, v.shape, p.dtype))


@word("transforms")
def two_levels(p: Problem, x: Value) -> Problem:
    """The scores of the first half of the keys are exactly 0, those of the others about −x."""
    return _below(p, slice(p.sk // 2, None), float(bounded(x).value))


@word("transforms")
def one_above(p: Problem, x: Value) -> Problem:
    """The score of the first key is exactly 0, those of all others are about −x."""
    return _below(p, slice(1, None), float(bounded(x).value))


def _below(p: Problem, keys: slice, x: float) -> Problem:
    """Scores of about −x for some keys, of exactly 0 for the others."""
    q, k = np.zeros(p.q.shape), np.zeros(p.k.shape)
    q[..., 0], k[:, :, keys, 0] = round_to(np.rint(x / scale_of(p)), p.dtype), -1.0
    return p.having(q=_exactly(q, q.shape, p.dtype), k=_typed(k, p.dtype))


@word("transforms")
def whole_scores(p: Problem, x: Value) -> Problem:
    """Random whole scores, all of them raised by x through one feature. They are exact where 1/scale is a power of two."""
    scale, raised, rng = scale_of(p), float(bounded(x).value), p.generator("whole numbers")
    share = 2.0 ** (math.frexp(max(abs(raised / scale), 1.0))[1] // 2)
    q, k = np.zeros(p.q.shape), np.zeros(p.k.shape)
    width = min(p.d, 5)
    q[..., 1:width] = rng.integers(-2, 3, q[..., 1:width].shape) / scale
    k[..., 1:width] = rng.integers(-1, 2, k[..., 1:width].shape)
    q[..., 0], k[..., 0] = share, raised / scale / share
    return p.having(q=_exactly(q, q.shape, p.dtype), k=_exactly(k, k.shape, p.dtype))


@word("transforms")
def same_values(p: Problem) -> Problem:
    """Every key holds the values of the first key of its head."""
    if p.sk == 0:
        raise Undecided("there is no key")
    return p.having(v=np.ascontiguousarray(np.broadcast_to(p.v[:, :, :1], p.v.shape)))


@word("observations")
def bare_out(subject: Subject, p: Problem) -> Value:
    """The output, with nothing around it but the reals that round to it. A wrong row says what it looks like."""
    array = subject.out_only(p)
    value = array.astype(np.float64)
    dtype = str(array.dtype)
    return Bounded(value, *preimage(value, dtype), reading=lambda places: read_rows(p, value, places, dtype))


@word("observations", asks="return_lse")
def bare_lse(subject: Subject, p: Problem) -> Value:
    """The logsumexp, with nothing around it but the reals that round to it."""
    array = subject.lse_only(p)
    value = array.astype(np.float64)
    return Bounded(value, *preimage(value, str(array.dtype)))


@word("observations")
def due_out(subject: Subject, p: Problem) -> Value:
    """The exact output, with what the declared arithmetic may do to it before rounding: nothing, where all sums are exact."""
    judgement = judged(p, subject.arithmetic)
    return _within(judgement.out, np.minimum(judgement.out_bound, flat(p, subject.arithmetic)[0]))


@word("observations")
def due_lse(subject: Subject, p: Problem) -> Value:
    """The exact logsumexp, with what the declared arithmetic may do to it: its logarithm alone, where all sums are exact."""
    judgement = judged(p, subject.arithmetic)
    return _within(judgement.lse, np.minimum(judgement.lse_bound, flat(p, subject.arithmetic)[1]))


def _gap(p: Problem, score: float) -> float:
    """A power of two that the scale, and the smallest descales, bring to a score of at least `score`."""
    if scale_of(p) <= 0:
        raise Undecided("the scale is not positive")
    least = math.prod(float(np.min(p.options.get(name, 1.0))) for name in ("q_descale", "k_descale"))
    return 2.0 ** math.ceil(math.log2(score / (scale_of(p) * least)))


def _shared(gap: float, times: int, dtype: str) -> tuple[float, float]:
    """Powers of two whose product is the gap, of queries and of keys: all for queries where the dtype holds `times` as much."""
    of_query = min(gap, largest_power(dtype) / times)
    return of_query, gap / of_query


def _bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _code(count: int, bits: int) -> Any:
    """The lowest bits of each index as ±1, (count, bits)."""
    return np.where(np.arange(count)[:, None] >> np.arange(bits) & 1, 1.0, -1.0)
