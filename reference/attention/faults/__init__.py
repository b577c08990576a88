"""Known mistakes about softmax attention, each one of its definitions with one small thing changed."""

from ...faults.making import Defined
from . import (
    accuracy,
    causal,
    empty,
    exponential,
    flash,
    float8,
    gradients,
    heads,
    interface,
    layout,
    masks,
    numerics,
    plain,
    scores,
    splits,
    weights,
    windows,
)
from .making import differentiated, textbook

__all__ = [
    "DEFINED",
    "accuracy",
    "causal",
    "empty",
    "exponential",
    "flash",
    "float8",
    "gradients",
    "heads",
    "interface",
    "layout",
    "masks",
    "numerics",
    "plain",
    "scores",
    "splits",
    "weights",
    "windows",
]

OPTIONS = (
    "scale", "causal", "window", "mask", "bias", "alibi_slopes", "softcap", "sinks",
    "q_segments", "kv_segments", "kv_lengths",
)  # fmt: skip
"""Those of the backward pass."""

DEFINED = Defined(textbook, differentiated, OPTIONS, ("causal_alignment", "empty_rows"))
