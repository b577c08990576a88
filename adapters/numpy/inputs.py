"""What every NumPy implementation checks before it computes.

A kernel that broadcasts a wrong shape answers a question nobody asked. Each message names the argument and what it must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import FLOAT8_DTYPES, WIDE_DTYPES

__all__ = ["check"]


def check(
    q: NDArray[Any], k: NDArray[Any], v: NDArray[Any], options: Mapping[str, Any], dtypes: tuple[str, ...] = WIDE_DTYPES
) -> None:
    """Raise ValueError unless q (B, Hq, Sq, D), k (B, Hkv, Sk, D), v (B, Hkv, Sk, Dv) and the options fit together.

    dtypes: those that q may have.
    """
    _check_arrays(q, k, v, dtypes)
    _check_options((q.shape[0], q.shape[1], q.shape[2], k.shape[2]), q.dtype, options)
    for name in ("q_descale", "k_descale", "v_descale"):
        if options.get(name) is not None:
            shape, due = options[name].shape, (q.shape[0], k.shape[1])
            _require(shape == due, f"{name} has shape {shape}; it must be {due}")


def _check_arrays(q: NDArray[Any], k: NDArray[Any], v: NDArray[Any], dtypes: tuple[str, ...]) -> None:
    for name, array in (("q", q), ("k", k), ("v", v)):
        _require(array.ndim == 4, f"{name} must be (B, H, S, D), not {array.shape}")
        _require(array.dtype.name in dtypes, f"{name} has dtype {array.dtype}; it must be one of {', '.join(dtypes)}")
        _require(array.dtype == q.dtype, f"{name} has dtype {array.dtype} and q has {q.dtype}; they must be the same")
        _require(array.shape[0] == q.shape[0], f"{name} has {array.shape[0]} batch entries and q has {q.shape[0]}")
    _require(k.shape[3] == q.shape[3], f"k has {k.shape[3]} features and q has {q.shape[3]}; they must be equal")
    _require(k.shape[1] == v.shape[1], f"k has {k.shape[1]} heads and v has {v.shape[1]}; they must be equal")
    _require(k.shape[2] == v.shape[2], f"k has {k.shape[2]} positions and v has {v.shape[2]}; they must be equal")
    hq, hkv = q.shape[1], k.shape[1]
    _require(hkv > 0 and hq % hkv == 0, f"{hq} query heads are not a multiple of {hkv} key/value heads")


def _check_options(sizes: tuple[int, int, int, int], dtype: np.dtype[Any], options: Mapping[str, Any]) -> None:
    b, hq, sq, sk = sizes
    given = {name: value for name, value in options.items() if value is not None}
    for name, wanted in (("mask", "bool"), ("bias", "bfloat16" if dtype.name in FLOAT8_DTYPES else dtype.name)):
        if name in given:
            _require(given[name].dtype.name == wanted, f"{name} has dtype {given[name].dtype}; it must be {wanted}")
            _require(_broadcasts(given[name].shape, sizes), f"{name} {given[name].shape} does not broadcast to {sizes}")
    for name, shape in (
        ("alibi_slopes", (hq,)),
        ("sinks", (hq,)),
        ("q_segments", (b, sq)),
        ("kv_segments", (b, sk)),
        ("kv_lengths", (b,)),
    ):
        if name in given:
            _require(given[name].shape == shape, f"{name} has shape {given[name].shape}; it must be {shape}")
    _require(("q_segments" in given) == ("kv_segments" in given), "q_segments and kv_segments come together; give both")
    if "kv_lengths" in given:
        lengths = given["kv_lengths"]
        _require(bool(np.all((lengths >= 0) & (lengths <= sk))), f"kv_lengths {lengths.tolist()} must lie in 0..{sk}")
    for side in given.get("window", ()):
        _require(side is None or side >= 0, f"window {given['window']} must have sides that are None or not negative")
    _require(given.get("softcap", 1.0) > 0, f"softcap {given.get('softcap')} must be positive")
    _require(0 <= given.get("dropout_p", 0.0) < 1, f"dropout_p {given.get('dropout_p')} must lie in [0, 1)")


def _broadcasts(shape: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    return len(shape) <= len(sizes) and all(
        have in (1, want) for have, want in zip(reversed(shape), reversed(sizes), strict=False)
    )


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
