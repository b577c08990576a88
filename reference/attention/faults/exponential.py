"""Mistakes in the exponential itself that hide in the output and show in the logsumexp."""

from __future__ import annotations

import numpy as np

from ...faults.making import Array, Function, fault
from .making import textbook

OFF = 2.0**-10
"""Relative error of `exp-too-coarse`: four times what the coarsest named arithmetic may declare."""


@fault("exp-too-coarse")
def _exp_too_coarse() -> Function:
    def coarse(scores: Array, shift: Array, sinks: Array) -> Array:
        rough: Array = np.exp(scores - shift) * (1 - OFF)
        return rough

    return textbook(numerators=coarse)
