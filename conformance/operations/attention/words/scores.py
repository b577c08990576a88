"""Words that estimate a systematic error of the implementation: 0 give or take what its roundings allow.

Each compares the output with the exact one along a direction that a known mistake would take. The interval of what it gives
is the estimate with its uncertainty, so a law says `≈ 0`. They hold for data that the kit drew at random, with V of random
signs: a law that uses them says `values: [normal, soft, sharp]`, and leaves out softcap, sinks and dropout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .....reference.attention.bounds import replicates, score, score_keys, score_logsumexp
from .....reference.attention.bounds.score import Estimate, Noise, Residual
from ....bounded import Bounded, bounded
from ....meaning import attended, noise
from ....operations import operation_named
from ....problems.problem import Problem
from ....vocabulary.word import Undecided, Value, word

if TYPE_CHECKING:
    from ....engine.subject import Subject


@word("observations")
def scale_error(subject: Subject, p: Problem) -> Value:
    """How much too large the scale of q·k is, relative, with what rounding allows. A scalar; 0.001 means 0.1 %."""
    return _percent("scale", score.scale(_residual(subject, p)))


@word("observations")
def gain_error(subject: Subject, p: Problem) -> Value:
    """How much too large the whole output is, relative, with what rounding allows. A scalar."""
    return _percent("gain", score.gain(_residual(subject, p)))


@word("observations")
def mixing(subject: Subject, p: Problem) -> Value:
    """Which share of the output is the plain mean of the visible values instead of the weighted one. A scalar."""
    return _percent("share of the plain mean", score.mixing(_residual(subject, p)))


@word("observations")
def mean_gain(subject: Subject, p: Problem) -> Value:
    """The mean of the gain errors of all heads, as a t-test of independent heads sees it. A scalar.

    Its interval follows from how the heads differ, not from a model of rounding, so it is the sharper one. It takes at least
    12 heads with keys of their own.
    """
    if p.b * p.hkv < replicates.FEWEST:
        raise Undecided(f"{p.b * p.hkv} independent heads are fewer than {replicates.FEWEST}")
    return _percent("mean gain", replicates.mean_gain(_residual(subject, p)))


@word("observations")
def missing_weight(subject: Subject, p: Problem) -> Value:
    """How much the weight of each key is off, relative, (B, Hkv, Sk): −1 for a key that is left out, 0 for all is well."""
    found = score_keys.key_weights(_residual(subject, p))

    def sentence(at: tuple[int, ...]) -> str:
        value, room = found.value[at], found.room[at]
        means = {-1.0: " (missing)", 1.0: " (counted twice)"}
        near = next((text for about, text in means.items() if abs(value - about) < max(0.1, room) and room < 0.5), "")
        return f"key {at[-1]}{_head(p, at)} has weight error {_signed(value, room)}{near}"

    return _bounded(found, sentence)


@word("observations")
def value_row_error(subject: Subject, p: Problem) -> Value:
    """How far the values that were read lie from those that were given, (B, Hkv, Sk, Dv), with what rounding allows."""
    found = score_keys.value_rows(_residual(subject, p))

    def sentence(at: tuple[int, ...]) -> str:
        off = _signed(found.value[at], found.room[at])
        return f"values of key {at[-2]}{_head(p, at)} are off by {off} in feature {at[-1]}"

    return _bounded(found, sentence)


@word("observations")
def roughness(subject: Subject, p: Problem) -> Value:
    """The sum of squared errors, as a share of what the declared roundings make it on average; at most 1. A scalar."""
    found = score_keys.roughness(_residual(subject, p))

    def sentence(at: tuple[int, ...]) -> str:
        return f"errors are {math.sqrt(found.value[at]):.2f} of the size that rounding gives (RMS)"

    return _bounded(found, sentence)


@word("observations", asks="return_lse")
def lse_scale_error(subject: Subject, p: Problem) -> Value:
    """How much too large the scale of q·k is, relative, as the logsumexp shows it, with what rounding allows. A scalar.

    Every score above 0 pushes the logsumexp the same way, so it takes few rows to see what many outputs hardly show.
    """
    return _percent("scale", score_logsumexp.logsumexp_scale(*_logsumexp(subject, p)))


@word("observations", asks="return_lse")
def lse_offset(subject: Subject, p: Problem) -> Value:
    """By how much the logsumexp is too large on average, with what rounding allows. A scalar.

    0.001 means that row sums are 0.1 % too large.
    """
    return _percent("row sum", score_logsumexp.logsumexp_offset(*_logsumexp(subject, p)))


@word("meanings")
def key_is_mixed(p: Problem) -> Value:
    """1 for keys that some query sees and mixes with others, in some head of their group, (B, Hkv, Sk, 1)."""
    exact = attended(p)
    seen = np.any(exact.visible & score.mixing_rows(exact.weights, p.dtype), axis=2).reshape(p.b, p.hkv, -1, p.sk)
    return bounded(np.any(seen, axis=2)[..., None])


def _residual(subject: Subject, p: Problem) -> Residual:
    _carried(p)
    out = subject.out_only(p)  # first, for it may be refused, and what follows is long
    return Residual.of(noise(p, subject.arithmetic), out)


def _logsumexp(subject: Subject, p: Problem) -> tuple[Noise, Any]:
    _carried(p)
    lse = subject.lse_only(p)
    return noise(p, subject.arithmetic), lse


def _carried(p: Problem) -> None:
    """Raise Undecided where the predicted variance does not hold."""
    if not p.random_signs:
        raise Undecided("score tests are for values of random signs")
    for option in operation_named(p.operation).spoken_of(lambda option: not option.carried):
        if option in p.options:
            raise Undecided(f"score tests do not carry {option}")


def _percent(name: str, found: Estimate) -> Bounded:
    def sentence(at: tuple[int, ...]) -> str:
        return f"{name} off by {_signed(100 * found.value[at], 100 * found.room[at], ' %')}"

    return _bounded(found, sentence)


def _bounded(found: Estimate, sentence: Callable[[tuple[int, ...]], str]) -> Bounded:
    with np.errstate(all="ignore"):
        value, room = found.value, found.room
        unknown = ~np.isfinite(room)
        if unknown.all():
            raise Undecided("no direction is left in which an error could show")
        low, high = np.where(unknown, -np.inf, value - room), np.where(unknown, np.inf, value + room)

    def reading(places: Any) -> list[str]:
        return [sentence(tuple(int(i) for i in place)) for place in places]

    return Bounded(value, low, high, reading=reading)


def _head(p: Problem, at: tuple[int, ...]) -> str:
    where = [f"batch entry {at[0]}"] * (p.b > 1) + [f"head {at[1]}"] * (p.hkv > 1)
    return f" ({', '.join(where)})" if where else ""


def _signed(value: float, room: float, unit: str = "") -> str:
    """value ± room with as many decimals as show two digits of the room."""
    known = room if math.isfinite(room) and room > 0 else abs(value) or 1.0
    places = min(max(0, 2 - math.ceil(math.log10(known))), 12) if math.isfinite(known) else 0
    return f"{value:+.{places}f}{unit} (± {room:.{places}f}{unit})".replace("-", "−")
