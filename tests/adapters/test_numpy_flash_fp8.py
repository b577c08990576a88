"""`numpy/flash-fp8` is attention over descaled inputs, with weights in e4m3, and refuses what does not fit."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from attnspec.adapters.finding import find
from attnspec.reference.rounding import round_to

(MADE,) = find("numpy/flash-fp8")
E4M3, E5M2 = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
NAMES = ("q_descale", "k_descale", "v_descale")


def arrays(dtype: Any = E4M3, seed: int = 1) -> tuple[list[Any], dict[str, Any]]:
    """q (2, 6, 37, 16), k and v (2, 2, 50, ·) and their descales."""
    r = np.random.default_rng(seed)
    shapes = ((2, 6, 37, 16), (2, 2, 50, 16), (2, 2, 50, 5))
    descales = {name: r.uniform(0.25, 4.0, (2, 2)).astype(np.float32) for name in NAMES}
    return [r.standard_normal(shape).astype(dtype) for shape in shapes], descales


def defined(q: Any, k: Any, v: Any, q_descale: Any, k_descale: Any, v_descale: Any) -> tuple[Any, Any]:
    """Output and logsumexp in float64, one head at a time."""
    out, lse = np.empty((2, 6, 37, 5)), np.empty((2, 6, 37))
    for b, h in np.ndindex(2, 6):
        g = h // 3
        query, key, value = (x.astype(np.float64) for x in (q[b, h], k[b, g], v[b, g]))
        scores = query @ key.T * float(q_descale[b, g]) * float(k_descale[b, g]) / 4
        lse[b, h] = np.log(np.exp(scores).sum(-1))
        out[b, h] = np.exp(scores - lse[b, h][:, None]) @ value * float(v_descale[b, g])
    return out, lse


@pytest.mark.parametrize("dtype", [E4M3, E5M2])
def test_descales_multiply_queries_keys_and_values(dtype: Any) -> None:
    (q, k, v), descales = arrays(dtype)
    out, lse = MADE.function(q, k, v, **descales, return_lse=True)
    due, due_lse = defined(q, k, v, **descales)
    assert (out.dtype, lse.dtype) == (ml_dtypes.bfloat16, np.float32)
    # Weights are rounded to 4 bits, the output to 8; a descale at the wrong place is off by far more.
    size = np.abs(v.astype(float)).max() * descales["v_descale"].max()
    assert np.abs(out.astype(float) - due).max() <= (2.0**-4 + 2.0**-8) * size
    assert np.abs(lse - due_lse).max() <= 2.0**-18 * np.abs(due_lse).max()


def test_without_descales_it_is_as_with_ones() -> None:
    (q, k, v), _ = arrays()
    ones = dict.fromkeys(NAMES, np.ones((2, 2), np.float32))
    assert MADE.function(q, k, v).tobytes() == MADE.function(q, k, v, **ones).tobytes()


def test_weights_are_rounded_once() -> None:
    """ml_dtypes goes from float32 to e4m3 without a detour, so what meets V is the weight of 4 bits that lies nearest."""
    x = np.concatenate([np.geomspace(2.0**-12, 300, 20_000), np.arange(1, 4096) / 8192]).astype(np.float32)
    assert (x.astype(E4M3).astype(np.float64) == round_to(x, "float8_e4m3fn")).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k_descale": np.ones((2, 6), np.float32)}, "k_descale has shape"),
        ({"bias": np.zeros((37, 50), E4M3)}, "bias has dtype float8_e4m3fn; it must be bfloat16"),
        ({"k": np.zeros((2, 2, 50, 16), E5M2)}, "k has dtype float8_e5m2 and q has float8_e4m3fn"),
        ({"q": np.zeros((2, 6, 37, 16), np.float32)}, "q has dtype float32; it must be one of float8_e4m3fn, float8_e5m2"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], message: str) -> None:
    (q, k, v), _ = arrays()
    with pytest.raises(ValueError, match=message):
        MADE.function(**{"q": q, "k": k, "v": v, **wrong})
