"""How faults are called: with the options of their operation by name, on NumPy arrays, each result rounded once.

The signature is the claim, so each operation has its own, in its folder of faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rounding import DTYPES, round_to
from .making import Function

__all__ = ["Signature", "rounded"]

Signature = Callable[[Function, Mapping[str, str]], Callable[..., Any]]
"""Takes a function in float64 and the conventions that it keeps, gives a callable."""


def rounded(x: Any, dtype: str) -> NDArray[Any]:
    """x in a dtype, rounded once."""
    with np.errstate(all="ignore"):
        return round_to(x, dtype).astype(DTYPES[dtype])
