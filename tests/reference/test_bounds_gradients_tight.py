"""How near an adversary comes to the bounds of gradients in float32: sums that lose at every addition, all to the same side.

What a real kernel reaches there says little: its roundings cancel for the most part, and how many do depends on the order in
which a BLAS adds. These sums are made key by key, in numbers of 24 bits that are rounded up or down as hurts most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.attention.bounds.gradients import judge_gradients

ARITHMETIC = arithmetic_for({"name": "fp32", "u_acc": 2.0**-23, "n_pre": 0, "tile": 1 << 30, "splits": 1}, "float32")


def rounded(x: Any, up: Any) -> Any:
    """x in 24 bits, rounded up where `up` says so, and down elsewhere."""
    mantissa, exponent = np.frexp(x)
    scaled = np.ldexp(mantissa, 24)
    return np.ldexp(np.where(up, np.ceil(scaled), np.floor(scaled)), exponent - 24)


def summed(terms: Any, up: Any) -> Any:
    """The sum over the last axis, one term after the other."""
    total = np.zeros(terms.shape[:-1])
    for j in range(terms.shape[-1]):
        total = rounded(total + terms[..., j], up)
    return total


def slopes(dout: Any, v: Any, grow: bool) -> tuple[Any, Any]:
    """Where dS of equal weights is positive; and dS with every rounding away from 0, or every one towards it."""
    products = dout @ v.T
    positive = products > products.mean(-1, keepdims=True)
    up = positive == grow
    out = summed(np.broadcast_to(v.T / len(v), (len(dout), *v.T.shape)), False)
    average = summed(dout * out, not grow)[:, None]
    return positive, rounded(rounded(summed(dout[:, None] * v, up) - average, up) / len(v), up)


def pushed(dout: Any, v: Any, grow: bool) -> dict[str, tuple[Any, Any, Any]]:
    """q, k and what an adversary makes of a gradient that they show: of dv all, of dq and dk the first number.

    Keys, or queries, have the sign of dS, so that the terms of dq, or dk, have one sign. The others are 0, and so all scores.
    """
    positive, ds = slopes(dout, v, grow)
    sign, none = np.where(positive, 1.0, -1.0), np.zeros_like(dout)
    of_key, of_query = (np.broadcast_to(x[:, None], dout.shape) for x in (sign[0], sign[:, 0]))
    return {
        "dv": (none, none, summed(np.broadcast_to(dout.T / len(v), (len(v), *dout.T.shape)), grow)),
        "dq": (none, of_key, summed(ds[0] * sign[0], grow)),
        "dk": (of_query, none, summed(ds[:, 0] * sign[:, 0], grow)),
    }


@pytest.mark.parametrize(("keys", "features"), [(32, 8), (128, 64)])
def test_bounds_are_at_most_twenty_times_what_an_adversary_reaches(keys: int, features: int) -> None:
    """As many queries as keys, and keys a power of two, so that weights of equal scores are exact."""
    r = np.random.default_rng(0)
    dout, v = (1 + r.random((keys, features)).astype(np.float32).astype(float) for _ in range(2))
    shares: dict[str, list[float]] = {"dv": [], "dq": [], "dk": []}
    for grow in (False, True):
        for name, (q, k, came) in pushed(dout, v, grow).items():
            arrays = (x[None, None].astype(np.float32) for x in (dout, q, k, v))
            answer = judge_gradients(*arrays, arithmetic=ARITHMETIC, dtype="float32", scale=1.0)
            at = (0, 0) if name == "dv" else (0, 0, 0, 0)
            apart = np.abs(came - getattr(answer, name)[at]) / getattr(answer, f"{name}_bound")[at]
            shares[name].append(float(np.max(apart)))
    print(f"{keys} keys, {features} features: {shares}")
    assert all(1 / 20 < max(found) <= 1 for found in shares.values()), shares
