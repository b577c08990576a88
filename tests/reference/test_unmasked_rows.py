"""Rows that see no key under the convention `unmasked`: they are what they would be if nothing were masked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import NAMED
from attnspec.reference.attention.bounds import judge
from attnspec.reference.attention.gradients import gradients
from attnspec.reference.attention.textbook import attention
from attnspec.reference.attention.tiled import tiled_attention
from attnspec.reference.attention.tiled_backward import tiled_backward

CLOSE = 1e-12
"""Both definitions are float64 on values of a few units; this is a test of them, not of an implementation."""

FREEING = ("causal", "window", "mask", "q_segments", "kv_segments")


def test_both_definitions_give_such_rows_what_all_keys_give(draw: Any) -> None:
    tried = 0
    for seed in range(240):
        (q, k, v), options = draw(seed)
        if options.get("dropout_p"):
            continue
        options = {**options, "empty_rows": "unmasked"}
        masked = attention(q, k, v, **{**options, "empty_rows": "zeros"})
        free = attention(q, k, v, **{name: value for name, value in options.items() if name not in FREEING})
        empty = np.isneginf(masked.lse)
        tried += bool(empty.any())
        for out, lse in (
            tiled_attention(q, k, v, tile=5, splits=3, **options),
            (attention(q, k, v, **options).out, attention(q, k, v, **options).lse),
        ):
            due = np.where(empty[..., None], free.out, masked.out)
            np.testing.assert_allclose(out, due, rtol=CLOSE, atol=CLOSE * 10, err_msg=f"seed {seed} {options}")
            due = np.where(empty, free.lse, masked.lse)
            np.testing.assert_allclose(lse, due, rtol=CLOSE, atol=CLOSE * 10, err_msg=f"seed {seed} {options}")
    assert tried > 20


def test_the_bound_of_such_a_row_is_that_of_all_keys() -> None:
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 1, n, 8)).astype(np.float32) for n in (2, 5, 5))
    mask = np.array([[False] * 5, [True] * 5])
    how: dict[str, Any] = {"arithmetic": NAMED["fp32"], "dtype": "float32"}
    answer = judge(q, k, v, mask=mask, empty_rows="unmasked", **how)
    free = judge(q, k, v, **how)
    np.testing.assert_array_equal(answer.out, free.out)
    np.testing.assert_allclose(answer.out_bound, free.out_bound, rtol=1e-9)


def test_gradients_flow_through_such_a_row_to_every_key() -> None:
    rng = np.random.default_rng(1)
    q, k, v, dout = (rng.standard_normal((1, 1, n, 4)) for n in (1, 3, 3, 1))
    mask = np.zeros((1, 3), dtype=bool)
    masked, free = gradients(dout, q, k, v, mask=mask, empty_rows="unmasked"), gradients(dout, q, k, v)
    for name in ("dq", "dk", "dv"):
        np.testing.assert_allclose(getattr(masked, name), getattr(free, name), rtol=CLOSE)
    with pytest.raises(ValueError, match="has no tiled backward pass"):
        tiled_backward(dout, q, k, v, mask=mask, empty_rows="unmasked")
