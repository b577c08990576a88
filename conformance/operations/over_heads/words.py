"""Words of padding, which kv_lengths states."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...problems.problem import Problem
from ...vocabulary.keys import poisons
from ...vocabulary.transforms import _typed
from ...vocabulary.word import word


@word("transforms")
def pad_keys(p: Problem) -> Problem:
    """Seven keys more, all of them junk and past the length that kv_lengths states."""
    key, value = poisons(p.dtype)
    extra = np.full((p.b, p.hkv, 7, p.d), key), np.full((p.b, p.hkv, 7, p.dv), value)
    k = np.concatenate([p.k, _typed(extra[0], p.dtype)], axis=2)
    v = np.concatenate([p.v, _typed(extra[1], p.dtype)], axis=2)
    lengths = p.options.get("kv_lengths", np.full(p.b, p.sk, dtype=np.int32))
    options: dict[str, Any] = {"kv_lengths": lengths}
    for name, filler in (("mask", True), ("bias", 0), ("kv_segments", 0)):
        array = p.options.get(name)
        if array is not None and array.shape[-1] == p.sk and (p.sk > 1 or name == "kv_segments"):
            options[name] = np.concatenate([array, np.full((*array.shape[:-1], 7), filler, dtype=array.dtype)], axis=-1)
    return p.having(k=k, v=v).but(**options)
