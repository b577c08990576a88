"""Known mistakes lie outside the bounds in every dtype, however exactly they are computed otherwise.

Each mistake is the float64 reference with one step replaced, its result rounded once to the output dtype. So nothing but
the mistake can be what the bound rejects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.attention.bounds import judge
from attnspec.reference.attention.steps import STEPS, Steps
from attnspec.reference.attention.textbook import attention
from attnspec.reference.rounding import DTYPES, round_to


def drops_last_key(given: Any) -> Any:
    return replace(given, k=given.k[:, :, :-1], v=given.v[:, :, :-1])


FAULTS: dict[str, tuple[Steps, dict[str, Any]]] = {
    "drops the last key": (replace(STEPS, inputs=drops_last_key), {}),
    "causal is off by one": (replace(STEPS, causal=lambda i, j: j <= i + 1), {"causal": True}),
    "window is short by one": (replace(STEPS, window=lambda i, j, left, right: (j > i - left) & (j <= i)), {"window": (5, 0)}),
    "scale is 1 % too large": (replace(STEPS, scale_of=lambda s, d, dv: 1.01 / np.sqrt(d)), {}),
    "logsumexp is in base 2": (replace(STEPS, logsumexp=lambda shift, total: (shift + np.log(total)) / np.log(2)), {}),
    "logsumexp leaves out the maximum": (replace(STEPS, logsumexp=lambda shift, total: np.log(total)), {}),
    "weights are not normalised": (replace(STEPS, normalize=lambda numerators, total: numerators), {}),
    "heads are tiled": (replace(STEPS, kv_head=lambda hq, hkv: np.arange(hq) % hkv), {}),
}


def rejected(out: Any, lse: Any, answer: Any, dtype: str) -> bool:
    def outside(got: Any, exact: Any, bound: Any, kind: str) -> bool:
        return bool(((got < round_to(exact - bound, kind)) | (got > round_to(exact + bound, kind))).any())

    wrong_out = outside(round_to(out, dtype), answer.out, answer.out_bound, dtype)
    return wrong_out or outside(round_to(lse, "float32"), answer.lse, answer.lse_bound, "float32")


@pytest.fixture(params=["float32", "float16", "bfloat16"])
def dtype(request: Any) -> str:
    return str(request.param)


@pytest.mark.parametrize("sk", [17, 64, 256])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_outside(fault: str, dtype: str, sk: int, made: Callable[..., Any]) -> None:
    steps, options = FAULTS[fault]
    for seed in range(3):
        q, k, v = made(seed, sk, dtype)
        answer = judge(q, k, v, arithmetic=arithmetic_for(None, dtype), dtype=dtype, **options)
        wrong = attention(q, k, v, steps=steps, **options)
        assert rejected(wrong.out, wrong.lse, answer, dtype), f"seed {seed}"
        assert not rejected(answer.out, answer.lse, answer, dtype)


@pytest.fixture
def made() -> Callable[..., Any]:
    def draw(seed: int, sk: int, dtype: str) -> Any:
        r = np.random.default_rng(seed)
        q, k, v = (r.standard_normal((1, h, n, 16)) for h, n in ((4, 17), (2, sk), (2, sk)))
        return tuple(x.astype(DTYPES[dtype]) for x in (2 * q, k, v))

    return draw


@pytest.mark.parametrize("fault", ["drops the last key", "scale is 1 % too large"])
def test_the_logsumexp_alone_sees_it_where_weights_are_summed_unrounded(fault: str, made: Callable[..., Any]) -> None:
    """A declared row sum makes the bound of the logsumexp the same in bfloat16 as in float32."""
    steps, _ = FAULTS[fault]
    q, k, v = made(0, 256, "bfloat16")
    declared = arithmetic_for({"name": "half", "row_sum_from": "unrounded"}, "bfloat16")
    answer = judge(q, k, v, arithmetic=declared, dtype="bfloat16")
    wrong = attention(q, k, v, steps=steps)
    outside = np.abs(wrong.lse - answer.lse) > answer.lse_bound
    assert outside.mean() > 0.8
    assert answer.lse_bound.max() < 2e-4
