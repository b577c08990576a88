"""The steps of textbook attention, collected, so that a known mistake is this collection with one of them replaced.

replace(STEPS, causal=lambda i, j: j <= i + 1)                         # causal off by one
replace(STEPS, kv_head=lambda hq, hkv: np.arange(hq) % hkv)            # tiles the heads instead of repeating them
replace(STEPS, order=("scale", "hide", "softcap", "bias", "alibi"))    # softcap after the mask
replace(STEPS, inputs=lambda given: replace(given, bias=None))         # the bias is not heeded
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import masks, scores, softmax
from .inputs import descaled

__all__ = ["STEPS", "Steps"]

Step = Callable[..., Any]


@dataclass(frozen=True)
class Steps:
    """Each field but `order` is a pure function; the default of each has the docstring that states its arguments.

    inputs: Inputs → Inputs, what of the call is heeded at all.
    descale: Inputs → Inputs, with the descales multiplied into q, k and v.
    order: names of the stages that turn q·k into scores; each of scale, softcap, bias, alibi and hide may stand
    anywhere, twice, or nowhere. A stage whose option is not given does nothing.
    """

    inputs: Step = lambda given: given
    descale: Step = descaled
    kv_head: Step = scores.kv_head
    offset: Step = masks.offset
    # visible
    causal: Step = masks.causal
    window: Step = masks.window
    mask: Step = masks.mask
    bias_allows: Step = masks.bias_allows
    segments: Step = masks.segments
    lengths: Step = masks.lengths
    # scores
    dot: Step = scores.dot
    scale_of: Step = scores.scale_of
    scale: Step = scores.multiply
    softcap: Step = scores.cap
    bias: Step = scores.add_bias
    alibi: Step = scores.add_alibi
    hide: Step = scores.hide
    order: tuple[str, ...] = ("scale", "softcap", "bias", "alibi", "hide")
    # weights
    shift: Step = softmax.shift
    numerators: Step = softmax.numerators
    row_sum: Step = softmax.row_sum
    normalize: Step = softmax.normalize
    logsumexp: Step = softmax.logsumexp
    # out
    dropout: Step = softmax.drop
    mix: Step = softmax.mix
    is_empty: Step = softmax.is_empty
    empty_row: Step = softmax.empty_row


STEPS = Steps()
"""The definition."""
