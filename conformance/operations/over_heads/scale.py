"""What q·k and V of a problem are multiplied by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ...problems.problem import Problem

__all__ = ["descaled_values", "scale_of", "scaled"]


def scale_of(p: Problem) -> float:
    """The option, or 1/sqrt(D)."""
    return float(p.options.get("scale", 1 / math.sqrt(p.d)))


def scaled(p: Problem, options: dict[str, Any], factor: float) -> dict[str, Any]:
    """Options of a problem, as a definition takes them, with a factor on its scale."""
    return {**options, "scale": factor * scale_of(p)}


def descaled_values(p: Problem) -> NDArray[np.float64]:
    """V times v_descale, where that is given, float64 (B, Hkv, Sk, Dv)."""
    factors: Any = p.options.get("v_descale")
    v = p.v.astype(np.float64)
    return v if factors is None else v * np.asarray(factors, dtype=np.float64)[..., None, None]
