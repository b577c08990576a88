"""Mistakes about what linear attention takes and gives: dtypes, memory, what is kept from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...faults.making import Answer, Array, Function, fault
from ...faults.memory import as_if_contiguous
from ..features import TAYLOR, features
from .recurrence import answer_of, linear

__all__: list[str] = []


@fault("linear-features-lack-the-constant")
def _features_lack_the_constant() -> Function:
    def mapped(name: str, x: Array) -> Array:
        made = features(name, x)
        if name in TAYLOR:
            made[..., 0] = 0.0
        return made

    return linear(query_features=mapped, key_features=mapped)


@fault("linear-output-in-float64")
def _output_in_float64() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return answer_of(q, k, v, options)._replace(dtype="float64")

    return attend


@fault("linear-state-kept-from-call-to-call")
def _state_kept_from_call_to_call() -> Function:
    kept: dict[Any, tuple[Array, Array]] = {}

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        given = options.get("initial_state")
        packed = options.get("cu_seqlens")
        shape = (q.shape, v.shape, options.get("feature_map"), None if packed is None else len(packed))
        made = answer_of(q, k, v, {**options, "initial_state": kept.get(shape) if given is None else given})
        assert made.state is not None and made.normalizer is not None
        kept[shape] = (made.state, made.normalizer)
        return made

    return attend


@fault("linear-strides-ignored")
def _strides_ignored() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return answer_of(q, as_if_contiguous(k), v, options)

    return attend


@fault("linear-padding-zeroed-in-place")
def _padding_zeroed_in_place() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        made = answer_of(q, k, v, options)
        if options.get("kv_lengths") is not None:
            padding = np.arange(k.shape[2]) >= np.asarray(options["kv_lengths"])[:, None]
            for x in (k, v):
                x[...] = np.where(padding[:, None, :, None], x.dtype.type(0), x)
        return made

    return attend
