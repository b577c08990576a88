"""Reading arrays: every definition computes in float64, so it takes what float64 holds exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["real"]


def real(name: str, x: Any) -> NDArray[np.float64]:
    """x in float64, exactly: any real floating dtype of at most 64 bits (ml_dtypes too), or integers up to 2^53.

    Raises ValueError for other dtypes.
    """
    array = np.asarray(x)
    if array.dtype.kind in "cbOSUMm" or array.dtype.itemsize > 8:
        raise ValueError(f"{name} has dtype {array.dtype}; it must be a real dtype that float64 holds exactly")
    with np.errstate(invalid="ignore"):  # A signalling NaN stays a NaN.
        return array.astype(np.float64)
