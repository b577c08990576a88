"""Mistakes of float8 kernels: descales that are lost, swapped or read from the wrong place, and weights that need a scale.

None of them needs a float8 input to show: descales are numbers like any others, and so is the scale of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from .. import softmax
from ..inputs import Inputs, descaled
from .making import textbook

WEIGHTS_SCALE = 2.0**8
"""What FlashAttention-3 multiplies weights by before they are rounded to e4m3."""

LOST = 2.0**-10
"""A weight below this, beside a largest of 1, is rounded to 0 in e4m3: half of its smallest number 2^-9."""


def _changed(**descales: Callable[[Array, Inputs], Any]) -> Function:
    """Attention in which some descales are made in another way from those that are given, and from the rest of the call."""

    def read(given: Inputs) -> Inputs:
        found = {name: getattr(given, name) for name in descales}
        return replace(given, **{name: descales[name](x, given) for name, x in found.items() if x is not None})

    return textbook(inputs=read)


@fault("q-descale-ignored")
def _q_descale_ignored() -> Function:
    return _changed(q_descale=lambda factors, given: None)


@fault("k-descale-ignored")
def _k_descale_ignored() -> Function:
    return _changed(k_descale=lambda factors, given: None)


@fault("v-descale-ignored")
def _v_descale_ignored() -> Function:
    return _changed(v_descale=lambda factors, given: None)


@fault("k-descale-twice")
def _k_descale_twice() -> Function:
    return _changed(k_descale=lambda factors, given: factors**2)


@fault("v-descale-from-keys")
def _v_descale_from_keys() -> Function:
    return _changed(v_descale=lambda factors, given: factors if given.k_descale is None else given.k_descale)


@fault("k-descale-of-first-entry")
def _k_descale_of_first_entry() -> Function:
    return _changed(k_descale=lambda factors, given: np.broadcast_to(factors[:1], factors.shape))


@fault("v-descale-of-first-head")
def _v_descale_of_first_head() -> Function:
    return _changed(v_descale=lambda factors, given: np.broadcast_to(factors[:, :1], factors.shape))


@fault("k-descale-by-query-head")
def _k_descale_by_query_head() -> Function:
    def descale(given: Inputs) -> Inputs:
        if given.k_descale is None:
            return descaled(given)
        (b, hq), hkv = given.q.shape[:2], given.k.shape[1]
        places = np.arange(b)[:, None] * hkv + np.arange(hq)
        factors = np.take(given.k_descale, places, mode="wrap")[..., None, None]
        k, v = (np.repeat(x, hq // hkv, axis=1) for x in (given.k, given.v))
        by_head: dict[str, Any] = {
            name: np.repeat(factor, hq // hkv, axis=1)
            for name in ("q_descale", "v_descale")
            if (factor := getattr(given, name)) is not None
        }
        return descaled(replace(given, k=k, v=v, k_descale=factors, **by_head))

    return textbook(descale=descale)


@fault("descale-drops-scale")
def _descale_drops_scale() -> Function:
    return textbook(inputs=lambda given: given if given.k_descale is None else replace(given, scale=None))


@fault("weights-scale-not-undone")
def _weights_scale_not_undone() -> Function:
    return textbook(mix=lambda weights, v, visible: WEIGHTS_SCALE * softmax.mix(weights, v, visible))


@fault("lse-keeps-weights-scale")
def _lse_keeps_weights_scale() -> Function:
    right = textbook()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        answer = right(q, k, v, **options)
        return answer._replace(lse=answer.lse + math.log(WEIGHTS_SCALE))

    return attend


@fault("small-weights-lost")
def _small_weights_lost() -> Function:
    def mix(weights: Array, v: Array, visible: Array) -> Array:
        largest = np.max(weights, axis=-1, keepdims=True, initial=0.0)
        return softmax.mix(np.where(weights < LOST * largest, 0.0, weights), v, visible)

    return textbook(mix=mix)
