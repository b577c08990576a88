"""Contents of q, k and v of attention over heads, by name.

One kind of data hides most mistakes. Large scores concentrate the weights, so that a dropped key is invisible in most rows;
small scores hide a wrong scale; a rising row maximum makes an online softmax rescale; a falling one shows a stale maximum.
So each name below aims at one behaviour, and says at which scores it aims.

Scores are stated for the default scale 1/sqrt(D); a case with another scale has other scores. Every entry is exactly
representable in the dtype. V draws from a stream of its own, so that its signs are independent of q and k: the
probabilistic bounds for random signs rest on that, and RANDOM_SIGNS names the distributions for which they may be used.
Online softmax: M. Milakov, N. Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867, algorithm 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ....reference.arithmetic import SMALLEST_SUBNORMAL
from ...problems.dtypes import MANTISSA

if TYPE_CHECKING:
    from ...problems.structure import Structure

__all__ = ["DISTRIBUTIONS", "RANDOM_SIGNS", "TILE"]

Array = NDArray[np.float64]
Arrays = dict[str, Array]

TILE = 16
"""Keys in the smallest tile between two rescalings of an online softmax."""


def integers(s: Structure) -> Arrays:
    """Small exact integers: |q|, |k| ≤ 2 and |v| ≤ 4, so that k + 1 and 2·v are exact too. Scores have σ = 2."""
    q = s.stream("q").integers(-2, 3, s.shapes["q"]).astype(np.float64)
    k = s.stream("k").integers(-2, 3, s.shapes["k"]).astype(np.float64)
    v = s.stream("v").integers(-4, 5, s.shapes["v"]).astype(np.float64)
    return {"q": q, "k": k, "v": v}


def constant(s: Structure) -> Arrays:
    """Every entry of q is 1, every entry of k is 1/2, and all keys of a head hold one value: the output is that value."""
    one = s.stream("v").standard_normal((s.b, s.hkv, 1, s.dv))
    return {"q": np.ones(s.shapes["q"]), "k": np.full(s.shapes["k"], 0.5), "v": np.broadcast_to(one, s.shapes["v"])}


def zeros(s: Structure) -> Arrays:
    """q and k are 0, so every visible key weighs the same. V is ordinary."""
    return {"q": np.zeros(s.shapes["q"]), "k": np.zeros(s.shapes["k"]), "v": s.normal("v")}


def normal(s: Structure) -> Arrays:
    """Scores have σ = 1: weights are spread, and every key counts."""
    return _gaussian(s, 1.0)


def soft(s: Structure) -> Arrays:
    """Scores have σ = 0.2: nearly uniform weights, where a missing key shows and a wrong scale hides."""
    return _gaussian(s, 0.2)


def sharp(s: Structure) -> Arrays:
    """Scores have σ = 4: a few keys take most of the weight, where a wrong scale shows."""
    return _gaussian(s, 4.0)


def positive(s: Structure) -> Arrays:
    """V in [1, 2), scores of σ = 1. Nothing cancels, so biased rounding adds up."""
    v = np.minimum(1 + s.stream("v").random(s.shapes["v"]), 2 - 2.0 ** -MANTISSA[s.dtype])
    return {**_gaussian(s, 1.0), "v": v}


def ties(s: Structure) -> Arrays:
    """At most four distinct keys a head, each repeated many times in random order: scores tie exactly. V differs."""
    made = _gaussian(s, 1.0)
    if s.sk:
        picks = s.stream("levels").integers(0, min(4, s.sk), (s.b, s.hkv, s.sk, 1))
        made["k"] = np.take_along_axis(made["k"], picks, axis=2)
    return made


def rising(s: Structure) -> Arrays:
    """The row maximum rises by about 2 from each tile of 16 keys to the next: an online softmax must rescale every time."""
    return _along_ray(s, 2.0 * (np.arange(s.sk) // TILE) + s.stream("levels").random((s.b, s.hkv, s.sk)))


def falling(s: Structure) -> Arrays:
    """The first tile of 16 keys holds the row maximum, and each later tile lies about 2 lower."""
    return _along_ray(s, 2.0 * ((s.sk - 1) // TILE - np.arange(s.sk) // TILE) + s.stream("levels").random((s.b, s.hkv, s.sk)))


def dominating(s: Structure) -> Arrays:
    """One key of each head, at a random place, scores about 24 above the others and takes nearly all the weight."""
    levels = np.zeros((s.b, s.hkv, s.sk))
    if s.sk:
        place = s.stream("levels").integers(0, s.sk, (s.b, s.hkv, 1))
        np.put_along_axis(levels, place, 24.0, axis=2)
    return _along_ray(s, levels, noise=0.5)


def logits50(s: Structure) -> Arrays:
    """Every score lies between 50 and 100 in magnitude, with random signs: exp without the row maximum overflows."""
    return _along_ray(s, _signed(s, 51.0, 80.0), rows=_row_signs(s, 1.0, 1.2), noise=0.0)


def logits6e4(s: Structure) -> Arrays:
    """Every score lies within 10 % of ±6e4 before entries are rounded: differences are huge, yet nothing overflows."""
    # q and k share the magnitude: 6e4 with uneven features, in one of them alone, would not fit in float16. e4m3 ends at 448.
    root = 6e4**0.5
    return _along_ray(s, _signed(s, 0.95 * root, 1.0 * root), rows=_row_signs(s, root, 1.05 * root), noise=0.0)


def subnormals(s: Structure) -> Arrays:
    """Every entry is a subnormal of the dtype, or up to 16 times one. Scores are 0 to within rounding, in float8 just small."""
    tiny = {}
    for name, shape in s.shapes.items():
        rng = s.stream(name)
        magnitude = rng.integers(1, 2 ** MANTISSA[s.dtype], shape) * 2.0 ** rng.integers(0, 5, shape)
        tiny[name] = magnitude * SMALLEST_SUBNORMAL[s.dtype] * rng.choice([-1.0, 1.0], shape)
    return tiny


DISTRIBUTIONS: dict[str, Callable[[Structure], Arrays]] = {
    made.__name__: made
    for made in (
        integers,
        constant,
        zeros,
        normal,
        soft,
        sharp,
        positive,
        ties,
        rising,
        falling,
        dominating,
        logits50,
        logits6e4,
        subnormals,
    )
}
"""The distributions by name, simplest first: a shrinker moves towards the front."""

RANDOM_SIGNS = frozenset(
    (
        "integers",
        "zeros",
        "normal",
        "soft",
        "sharp",
        "ties",
        "rising",
        "falling",
        "dominating",
        "logits50",
        "logits6e4",
        "subnormals",
    )
)
"""Distributions in which the entries of V have fair signs, independent of each other, of |V|, of q and of k. Each is named
here on purpose: bounds that hold with a stated probability rest on it."""


def _gaussian(s: Structure, sigma: float) -> Arrays:
    """Normal entries; q·k/sqrt(D) then has standard deviation sigma for any D."""
    return {"q": sigma * s.normal("q"), "k": s.normal("k"), "v": s.normal("v")}


def _along_ray(s: Structure, levels: Array, rows: Array | None = None, noise: float = 0.1) -> Arrays:
    """q and k of which the score of query i and key j is rows_i · levels_j, up to rounding and noise, for any D.

    levels: (B, Hkv, Sk). rows: (B, Hq, Sq), by default between 0.75 and 1.25.
    Each key/value head has a direction with uneven features and mean square 1, so that features cannot be swapped unseen.
    """
    rng = s.stream("direction")
    shape = (s.b, s.hkv, 1, s.d)
    ray = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    ray /= np.sqrt(np.mean(ray**2, axis=-1, keepdims=True))
    if rows is None:
        rows = s.stream("rows").uniform(0.75, 1.25, (s.b, s.hq, s.sq))
    q = np.repeat(ray, s.hq // s.hkv, axis=1) * rows[..., None]
    k = ray * levels[..., None] / s.d**0.5
    if noise:
        k = k + noise * np.clip(s.normal("k"), -3, 3)
    return {"q": q, "k": k, "v": s.normal("v")}


def _signed(s: Structure, low: float, high: float) -> Array:
    """(B, Hkv, Sk) levels of random magnitude and sign."""
    rng = s.stream("levels")
    shape = (s.b, s.hkv, s.sk)
    levels: Array = rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape)
    return levels


def _row_signs(s: Structure, low: float, high: float) -> Array:
    """(B, Hq, Sq) rows of random magnitude and sign."""
    rng = s.stream("rows")
    shape = (s.b, s.hq, s.sq)
    signed: Array = rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape)
    return signed
