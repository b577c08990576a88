"""Mistakes about what changes or joins the scores: bias, ALiBi, softcap, sinks. The laws have them in the chapter masks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ..inputs import Inputs
from ..steps import STEPS
from ..tiled_head import TILED_STEPS, Head
from .making import other_corner, textbook, tiled
from .masks import read_flat


@fault("bias-ignored")
def _bias_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, bias=None))


@fault("bias-before-scale")
def _bias_before_scale() -> Function:
    return textbook(order=("bias", "scale", "softcap", "alibi", "hide"))


@fault("bias-before-softcap")
def _bias_before_softcap() -> Function:
    return textbook(order=("scale", "bias", "softcap", "alibi", "hide"))


@fault("bias-added-twice")
def _bias_added_twice() -> Function:
    return textbook(order=("scale", "softcap", "bias", "bias", "alibi", "hide"))


@fault("bias-of-first-head")
def _bias_of_first_head() -> Function:
    return textbook(bias=lambda scores, bias: scores + bias[:, :1])


@fault("alibi-sign-flipped")
def _alibi_sign_flipped() -> Function:
    return textbook(alibi=lambda scores, slopes, i, j: scores + slopes * np.abs(i - j))


@fault("alibi-first-slope-for-all")
def _alibi_first_slope_for_all() -> Function:
    return textbook(alibi=lambda scores, slopes, i, j: scores - slopes[:, :1] * np.abs(i - j))


@fault("alibi-wrong-corner")
def _alibi_wrong_corner() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        shift = other_corner(q, k, options)
        moved = textbook(alibi=lambda scores, slopes, i, j: STEPS.alibi(scores, slopes, i + shift, j))
        return moved(q, k, v, **options)

    return attend


@fault("softcap-ignored")
def _softcap_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, softcap=None))


@fault("softcap-before-scale")
def _softcap_before_scale() -> Function:
    return textbook(order=("softcap", "scale", "bias", "alibi", "hide"))


@fault("softcap-after-mask")
def _softcap_after_mask() -> Function:
    return textbook(order=("scale", "hide", "softcap", "bias", "alibi"))


@fault("softcap-times-score")
def _softcap_times_score() -> Function:
    return textbook(softcap=lambda scores, softcap: scores * np.tanh(scores / softcap))


@fault("sinks-ignored")
def _sinks_ignored() -> Function:
    return textbook(inputs=lambda given: replace(given, sinks=None))


@fault("sinks-scaled")
def _sinks_scaled() -> Function:
    def scaled(given: Inputs) -> Inputs:
        scale = 1 / math.sqrt(given.q.shape[-1]) if given.scale is None else given.scale
        return given if given.sinks is None else replace(given, sinks=given.sinks * scale)

    return textbook(inputs=scaled)


@fault("sinks-first-for-all")
def _sinks_first_for_all() -> Function:
    def first(given: Inputs) -> Inputs:
        return given if given.sinks is None else replace(given, sinks=np.broadcast_to(given.sinks[:, :1], given.sinks.shape))

    return textbook(inputs=first)


@fault("sinks-missing-in-lse")
def _sinks_missing_in_lse() -> Function:
    return _mixed(with_sinks="out", without="lse")


@fault("sinks-missing-in-output")
def _sinks_missing_in_output() -> Function:
    return _mixed(with_sinks="lse", without="out")


def _mixed(with_sinks: str, without: str) -> Function:
    """Output and weights from one call, the logsumexp from another; one of the two does not get the sinks."""
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answers = {with_sinks: right(q, k, v, **options), without: right(q, k, v, **{**options, "sinks": None})}
        return answers["out"]._replace(lse=answers["lse"].lse)

    return attend


@fault("bias-as-mask")
def _bias_as_mask() -> Function:
    def hidden(given: Inputs) -> Inputs:
        if given.bias is None:
            return given
        kept = given.bias == 0
        return replace(given, bias=None, mask=kept if given.mask is None else given.mask & kept)

    return textbook(inputs=hidden)


@fault("bias-bits-misread")
def _bias_bits_misread() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        bias = options.get("bias")
        if bias is not None:
            other = ml_dtypes.bfloat16 if bias.dtype == np.float16 else np.float16
            read = np.ascontiguousarray(bias).view(other).reshape(-1)[: bias.size].reshape(bias.shape)
            options = {**options, "bias": np.where(np.isfinite(read), read, 0.0).astype(np.float64)}
        return right(q, k, v, **options)

    return attend


@fault("bias-read-flat")
def _bias_read_flat() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return right(q, k, v, **{**options, "bias": read_flat(options.get("bias"), q, k)})

    return attend


@fault("zero-bias-tile-skipped")
def _zero_bias_tile_skipped() -> Function:
    def visited(start: int, stop: int, tile: int, head: Head) -> Iterator[int]:
        assert head.bias is not None
        return (at for at in TILED_STEPS.visited(start, stop, tile, head) if head.bias[:, at : at + tile].any())

    right, wrong = textbook(), tiled(visited=visited)
    return lambda q, k, v, **options: (right if options.get("bias") is None else wrong)(q, k, v, **options)


@fault("alibi-from-last-key")
def _alibi_from_last_key() -> Function:
    return textbook(alibi=lambda scores, slopes, i, j: scores - slopes * (len(j) - 1 - j))


@fault("sink-without-maximum")
def _sink_without_maximum() -> Function:
    def row_sum(numerators: Array, shift: Array, sinks: Array, visible: Array) -> Array:
        return np.asarray(numerators.sum(axis=-1, keepdims=True) + np.exp(sinks))

    return textbook(row_sum=row_sum)
