"""A bias test that rests on no model of rounding: the same estimate in independent heads, and how those differ.

Heads with keys and queries of their own are independent problems, so their gain errors β_1 … β_G are independent, of one mean
and nearly normal, each a sum over thousands of outputs. If their mean is 0 then

    P( |mean β| > t·s/√G ) ≤ δ,   s their standard deviation, t the quantile of Student's distribution with G − 1 degrees.

The scatter is measured, where `score` must assume the largest, so in half precision this test certifies "no gain beyond a few
hundredths of a unit roundoff"; in float32 the errors that exp may have are the larger part. It is made with the δ of the
other score tests: 400 problems then raise a false alarm with a chance of 4e-4.
"""

from __future__ import annotations

import math

import numpy as np

from .score import CHANCE, Estimate, Residual, quantile

__all__ = ["FEWEST", "mean_gain", "student"]

FEWEST = 12
"""Heads that the test takes at least; with fewer the quantile of Student's distribution is wide beyond use."""


def mean_gain(r: Residual) -> Estimate:
    """The mean over the independent heads of <err, o>/<o, o>; query heads that share keys count as one. A scalar.

    Heads in which no row sees a key are left out; with fewer than FEWEST heads left nothing is known.
    """
    out, hkv = r.noise.facts.out * r.noise.live, r.noise.given.k.shape[1]

    def heads(x: np.ndarray) -> np.ndarray:
        return np.asarray(x.reshape(x.shape[0] * hkv, -1).sum(-1))

    size = heads(out * out)
    found = heads(r.error * out)[size > 0] / size[size > 0]
    count = len(found)
    if count < FEWEST:
        return Estimate(np.array(0.0), np.array(np.inf), np.array(0.0))
    deviation = float(found.std(ddof=1)) / math.sqrt(count) * student(count - 1, CHANCE)
    allowed = (
        r.noise.effect + r.noise.rounding_effect + float((heads(out * out * r.noise.second)[size > 0] / size[size > 0]).mean())
    )
    if r.noise.leaning is not None:
        allowed += abs(float((heads(r.noise.leaning * out)[size > 0] / size[size > 0]).mean()))
    return Estimate(np.array(found.mean()), np.array(deviation / quantile(1)), np.array(allowed))


def student(degrees: int, chance: float) -> float:
    """t with P(|T| > t) = chance for Student's T of that many degrees of freedom, by bisection of the integrated density."""
    constant = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    # Substituting x = √degrees·tan(angle) turns the tail into an integral over a bounded interval.
    nodes, weights = np.polynomial.legendre.leggauss(64)

    def tail(t: float) -> float:
        start = math.atan(t / math.sqrt(degrees))
        half = (math.pi / 2 - start) / 2
        angles = start + half * (nodes + 1)
        return float(2 * constant * math.sqrt(degrees) * half * (weights * np.cos(angles) ** (degrees - 1)).sum())

    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > chance else (low, middle)
    return high
