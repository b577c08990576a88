"""Feature maps: φ, on the vector of each head.

The Taylor maps are such that φ(x)·φ(y) = Σ_{m ≤ n} (x·y)^m / m!, with no scale inside: the features of degree m are all D^m
ordered products of m entries, in the order of nested loops (the first factor outermost), divided by √m!; degree 0 comes first.

Sources: elu + 1: Katharopoulos et al. 2020, arXiv:2006.16236, section 3.2. Taylor: Arora et al. 2024 (Based), arXiv:2402.18668,
section 4.1, there of degree 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEATURE_MAPS", "TAYLOR", "degree", "features", "width"]

Array = NDArray[np.float64]

TAYLOR = tuple(f"taylor{n}" for n in range(1, 7))
FEATURE_MAPS = ("identity", "elu1", "relu", "exp", *TAYLOR)


def degree(name: str) -> int:
    """The degree of a Taylor map. Raises ValueError for another name."""
    if name not in TAYLOR:
        raise ValueError(f"{name!r} is no Taylor map; they are {', '.join(TAYLOR)}")
    return int(name.removeprefix("taylor"))


def width(name: str, d: int) -> int:
    """Dφ, the number of features of a vector of D entries. Raises ValueError for an unknown map."""
    if name not in FEATURE_MAPS:
        raise ValueError(f"feature_map is {name!r}; it must be one of {', '.join(FEATURE_MAPS)}")
    return sum(d**m for m in range(degree(name) + 1)) if name in TAYLOR else d


def features(name: str, x: Any) -> Array:
    """φ(x): float64 (…, D) to (…, Dφ). Raises ValueError for an unknown map."""
    width(name, 1)
    given: Array = np.asarray(x, dtype=np.float64)
    with np.errstate(over="ignore"):
        if name == "identity":
            return given
        if name == "elu1":
            return np.where(given > 0, given + 1, np.exp(np.minimum(given, 0.0)))
        if name == "relu":
            positive: Array = np.maximum(given, 0.0)
            return positive
        if name == "exp":
            return np.asarray(np.exp(given))
        return _taylor(degree(name), given)


def _taylor(n: int, x: Array) -> Array:
    powers = [np.ones((*x.shape[:-1], 1))]
    for m in range(1, n + 1):
        products = powers[-1][..., :, None] * x[..., None, :]
        powers.append(products.reshape(*x.shape[:-1], x.shape[-1] ** m))
    return np.concatenate([power / math.sqrt(math.factorial(m)) for m, power in enumerate(powers)], axis=-1)
