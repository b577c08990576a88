"""Words of random feature attention: the kernel as it is read, keys that make it known, projections, and what chance allows.

The kernel is read through V. With one query and, before all other keys, a key opposite to it, every weight over that of this
key is φ(q)·φ(k) / φ(q)·φ(−q), and φ(q)·φ(−q) = exp(−scale·|q|²) whatever the projection is. So the estimate itself shows, and
not a quotient of two estimates, whose mean would be another.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ....reference.attention.bounds.replicates import student
from ....reference.random_feature_attention import orthogonal
from ....reference.random_feature_attention.chance import FALSE_ALARM, mean_room, square_room
from ....reference.rounding import preimage
from ...bounded import Bounded, bounded, from_ends
from ...meaning import derived, drawn
from ...problems.problem import Problem
from ...vocabulary.observations import _one_hot, weights
from ...vocabulary.steps import cut_between_steps
from ...vocabulary.transforms import _exactly, _typed
from ...vocabulary.word import Problems, Undecided, Value, Values, word
from ..attention.words.approximations import near, scores
from ..over_heads.scale import scale_of

if TYPE_CHECKING:
    from ...engine.subject import Subject

# The kernel


@word("observations")
def kernel(subject: Subject, p: Problem | Problems) -> Value | Values:
    """What features give instead of exp(scale·q·k), (B, H, 1, Sk), for one query; read through V and an opposite key."""
    if isinstance(p, list):
        return [_kernel(subject, each) for each in p]
    return _kernel(subject, p)


def _kernel(subject: Subject, p: Problem) -> Bounded:
    beside = derived(p, "opposite key", lambda: _with_opposite_key(p))
    read = _over_one_normalizer(subject, beside) if p.draws_features else bounded(weights(subject, beside))
    first = scale_of(p) * (p.q.astype(np.float64) ** 2).sum(axis=-1, keepdims=True)
    known = np.exp(-first)
    return read.each(lambda a: a[..., 1:]) / read.each(lambda a: a[..., :1]) * near(known)


def _over_one_normalizer(subject: Subject, p: Problem) -> Bounded:
    """Weights read in one call, with the interval of sums: the normaliser, and its error, is the same for all and cancels."""
    if p.sk > p.dv:
        raise Undecided(f"{p.sk} weights do not fit in {p.dv} value features, and two calls have two normalisers")
    made = subject.out_only(derived(p, ("one-hot", 0), lambda: _one_hot(p, 0)))[..., : p.sk]
    low, high = preimage(made, str(made.dtype))
    room = np.array([drawn(p, subject.arithmetic, key).sum for key in range(p.sk)])
    with np.errstate(all="ignore"):
        return from_ends(made.astype(np.float64), low / (1 + room), np.where(room < 1, high / (1 - room), np.inf))


def _with_opposite_key(p: Problem) -> Problem:
    if p.sq != 1:
        raise Undecided(f"the kernel is read for one query, not for {p.sq}")
    k = np.concatenate([-p.q, p.k], axis=2)
    v = np.concatenate([np.zeros_like(p.v[:, :, :1]), p.v], axis=2)
    return p.having(k=k, v=v, fair_values=None)


@word("meanings")
def sum_square(p: Problem) -> Value:
    """scale·|q + k|² of every query and key, (B, H, Sq, Sk): all that the scatter of an estimate depends on."""
    return near(_sum_square(p))


@word("meanings")
def feature_count(p: Problem) -> Value:
    """m, the number of random features."""
    return bounded(float(_count(p)))


@word("meanings")
def covariance(p: Problem) -> Value:
    """What two orthogonal features of one block have in common, (B, H, Sq, Sk): their covariance over the square of the kernel.

    It is 0 or less, and 0 for independent ones.
    """
    return near(np.vectorize(lambda square: orthogonal.covariance(float(square), p.d) if p.d > 1 else 0.0)(_sum_square(p)))


# Projections and keys


@word("transforms")
def with_projection(p: Problem, x: Value) -> Problem:
    """The same problem with another projection, x, broadcast to (m, D)."""
    return p.but(projection=_exactly(x, _projection(p).shape, "float32"))


@word("meanings")
def projection(p: Problem) -> Value:
    """The projection, (m, D)."""
    return bounded(_projection(p).astype(np.float64))


@word("transforms")
def repeat_features(p: Problem) -> Problem:
    """Every row of the projection twice, the copies after the originals."""
    return p.but(projection=np.concatenate([_projection(p)] * 2))


@word("transforms")
def shorter(p: Problem, by: Value) -> Problem:
    """The same problem with queries and keys divided by a number."""
    q, k = (_exactly(x.astype(np.float64) / float(bounded(by).value), x.shape, p.dtype) for x in (p.q, p.k))
    return p.having(q=q, k=k)


@word("transforms")
def axis_keys(p: Problem, length: Value) -> Problem:
    """One query with short entries, and a key for every axis, such that query and key add up to a vector of a length along it,
    or against it.

    For independent features the estimates of such keys are independent.
    """
    q = np.clip(np.round(2 * p.q[:, :, :1].astype(np.float64)), -2, 2) / 16
    k = float(bounded(length).value) * np.diag(p.generator("signs").choice([-1.0, 1.0], p.d)) - q
    v = np.zeros((*p.v.shape[:2], p.d, p.dv))
    return p.having(q=_typed(q, p.dtype), k=_typed(k, p.dtype), v=_typed(v, p.dtype), fair_values=None)


@word("transforms")
def long_vectors(p: Problem) -> Problem:
    """Queries and keys of one length, such that scale·|x|² is 256 or a little less; the signs of their entries stay."""
    size = 2.0 ** math.floor(math.log2(16 / math.sqrt(scale_of(p) * p.d)))
    q, k = (np.where(x.astype(np.float64) < 0, -size, size) for x in (p.q, p.k))
    return p.having(q=_typed(q, p.dtype), k=_typed(k, p.dtype))


@word("transforms")
def other_future(p: Problem) -> Problem:
    """Other keys and values, small whole numbers, at the steps from the cut of first_steps on."""
    rng, at = p.generator("junk"), np.arange(p.sk)[:, None] >= cut_between_steps(p)
    k, v = (_typed(np.where(at, rng.integers(-2, 3, x.shape), x.astype(np.float64)), p.dtype) for x in (p.k, p.v))
    return p.having(k=k, v=v, fair_values=None)


# Features that the implementation draws


@word("transforms", asks="seed")
def each_seed(p: Problem, count: Value) -> Problems:
    """The same problem with so many seeds, all of them different."""
    if not p.draws_features:
        raise Undecided("the projection is given, so a seed says nothing")
    wanted = int(bounded(count).value)
    seeds = p.generator("seeds").choice(1 << 20, wanted, replace=False)
    return [p.but(seed=int(seed)) for seed in seeds]


@word("combiners")
def average(estimates: Values, p: Problem) -> Value:
    """The mean of estimates by single seeds, and the interval in which the expectation of an unbiased one lies.

    A theorem for normal features that are independent, or orthogonal in blocks, with a chance of 1e-6 a problem to fail.
    """
    value, low, high = (np.mean([getattr(x, end) for x in estimates], axis=0) for end in ("value", "low", "high"))
    due, alone = _sum_square(p), _independent(p)
    rooms = [mean_room(float(s), alone * len(estimates), FALSE_ALARM / due.size, _count(p) * len(estimates)) for s in due.flat]
    below, above = (np.array([room[n] for room in rooms]).reshape(due.shape) for n in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = from_ends(value, low / (1 + above), np.where(below < 1, high / (1 - below), np.inf))

    def reading(places: np.ndarray) -> list[str]:
        off = value / np.exp(bounded(scores(p)).value) - 1
        return [f"the kernel of key {place[-1]} is off by {100 * off[tuple(place)]:+.2f} % on average" for place in places]

    return Bounded(found.value, found.low, found.high, reading=reading)


@word("combiners")
def scatter(estimates: Values, p: Problem) -> Value:
    """The mean square of the relative errors of estimates by single seeds, over all keys of axis_keys; a scalar.

    Its interval holds the expected square. For independent normal features that is a theorem, with a chance of 1e-6 a problem
    to fail; for orthogonal ones it is Student's interval of what the seeds give, one by one.
    """
    squares = [_square(bounded(x) / near(np.exp(bounded(scores(p)).value)) - 1) for x in estimates]
    value, low, high = (np.array([getattr(x, end).mean() for x in squares]) for end in ("value", "low", "high"))
    due = _alike(p)
    if p.options.get("orthogonal"):
        room = student(len(squares) - 1, FALSE_ALARM) * float(value.std(ddof=1)) / math.sqrt(len(squares))
        ends = max(0.0, float(low.mean()) - room), float(high.mean()) + room
    else:
        below, above = square_room(due, _count(p), len(squares) * p.sk, FALSE_ALARM)
        ends = float(low.mean()) / (1 + above), float(high.mean()) / (1 - below) if below < 1 else math.inf
    share = float(value.mean()) * _count(p) / math.expm1(due)

    def reading(places: np.ndarray) -> list[str]:
        return [f"the variance is {share:.3g} times that of independent features" for _ in places]

    return Bounded(np.array(value.mean()), np.array(ends[0]), np.array(ends[1]), reading=reading)


def _square(x: Bounded) -> Bounded:
    ends = x.low**2, x.high**2
    return Bounded(x.value**2, np.where((x.low < 0) & (x.high > 0), 0.0, np.minimum(*ends)), np.maximum(*ends))


def _alike(p: Problem) -> float:
    """s², the same for all keys, whose sums with the query are orthogonal. Raises Undecided where that is not so."""
    sums = (p.q.astype(np.float64) + p.k.astype(np.float64)).reshape(-1, p.d)
    gram = sums @ sums.T
    if p.b * p.hq != 1 or not np.array_equal(gram, gram[0, 0] * np.eye(len(gram))):
        raise Undecided("the keys are not those of axis_keys, in one head of one batch entry")
    return scale_of(p) * float(gram[0, 0])


def _count(p: Problem) -> int:
    given = p.options.get("projection")
    return int(p.options.get("num_features", p.d)) if given is None else int(given.shape[0])


def _independent(p: Problem) -> int:
    """How many features, or blocks of orthogonal features, are independent of each other."""
    return max(1, _count(p) // p.d) if p.options.get("orthogonal") else _count(p)


def _projection(p: Problem) -> np.ndarray:
    if "projection" not in p.options:
        raise Undecided("the implementation draws its projection")
    return np.asarray(p.options["projection"])


def _sum_square(p: Problem) -> np.ndarray:
    sums = p.q.astype(np.float64)[:, :, :, None] + p.k.astype(np.float64)[:, :, None]
    return np.asarray(scale_of(p) * (sums**2).sum(axis=-1))
