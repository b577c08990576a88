"""The gradients of the reference with the bound that it gives itself contain the truth, which is computed here in 60 digits.

The truth uses no formula of a gradient: it is the central difference of the loss Σ dout·out over 1e-20, whose error is that
squared times the third derivative.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from attnspec.reference.arithmetic import NAMED, REFERENCE
from attnspec.reference.attention.bounds.gradients import judge_gradients

PROBLEMS = 60
NAMES = ("dq", "dk", "dv")


@pytest.fixture(autouse=True)
def digits() -> Any:
    with mpmath.workdps(60):
        yield


def loss(dout: Any, q: Any, k: Any, v: Any, options: dict[str, Any]) -> Any:
    """Σ dout·out. Arrays of mpmath numbers, dout (H, R, Dv), q (H, R, D), k (D of one head) (Sk, D), v (Sk, Dv)."""
    scale, cap = mpmath.mpf(options.get("scale", 0)) or 1 / mpmath.sqrt(q.shape[-1]), options.get("softcap")
    total = mpmath.mpf(0)
    for h, i in np.ndindex(q.shape[:2]):
        scores = [scale * mpmath.fdot(zip(q[h, i], key, strict=True)) for key in k]
        if cap:
            scores = [cap * mpmath.tanh(score / cap) for score in scores]
        if "bias" in options:
            scores = [score + mpmath.mpf(float(b)) for score, b in zip(scores, options["bias"][0, h, i], strict=True)]
        shown = i + 1 if options.get("causal") else len(k)
        odds = [mpmath.exp(score) for score in scores[:shown]]
        row_sum = mpmath.fsum(odds) + (mpmath.exp(float(options["sinks"][h])) if "sinks" in options else 0)
        keep = options["dropout_keep"][0, h, i] / mpmath.mpf(0.75) if "dropout_p" in options else [1] * len(k)
        for e in range(v.shape[1]):
            total += dout[h, i, e] * mpmath.fsum(odds[j] * keep[j] * v[j, e] for j in range(min(shown, len(k)))) / row_sum
    return total


def truth(arrays: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    """dq, dk and dv as arrays of mpmath numbers."""
    exact = [np.vectorize(mpmath.mpf, otypes=[object])(x) for x in arrays]
    step, found = mpmath.mpf(10) ** -20, {}
    for n, name in enumerate(NAMES, 1):
        slopes = np.empty(arrays[n].shape, dtype=object)
        for place in np.ndindex(slopes.shape):
            ends = []
            for side in (1, -1):
                moved = [x.copy() for x in exact]
                moved[n][place] += side * step
                ends.append(loss(*moved, options))
            slopes[place] = (ends[0] - ends[1]) / (2 * step)
        found[name] = slopes
    return found


def problem(seed: int) -> tuple[list[Any], dict[str, Any]]:
    """dout and q of two heads, k and v of the one that they share, in float64, and options."""
    r = np.random.default_rng(seed)
    sk, d, sigma = int(r.choice([2, 3])), int(r.choice([1, 2])), r.choice([0.1, 1.0, 10.0])
    arrays = [r.standard_normal((2, 2, 2)), sigma * r.standard_normal((2, 2, d)), r.standard_normal((sk, d))]
    arrays.append(r.standard_normal((sk, 2)))
    options: dict[str, Any] = {}
    if seed % 2:
        options["causal"] = True
    if seed % 3 == 0:
        options["bias"] = r.standard_normal((1, 2, 2, sk))
    if seed % 5 == 0:
        options["softcap"] = 3.0
    if seed % 7 == 0:
        options["sinks"] = r.standard_normal(2)
    if seed % 4 == 1:
        options["dropout_p"], options["dropout_keep"] = 0.25, r.random((1, 2, 2, sk)) < 0.75
    if seed % 6 == 1:
        options["scale"] = 0.7
    return arrays, options


@pytest.fixture(scope="module")
def truths() -> list[Any]:
    with mpmath.workdps(60):
        return [(*(made := problem(seed)), truth(*made)) for seed in range(PROBLEMS)]


def largest_use(truths: list[Any], arithmetic: Any, part: float) -> float:
    """The largest distance from the truth, by the part of the bound that is the reference's own."""
    used = 0.0
    for (dout, q, k, v), options, exact in truths:
        call = dout[None], q[None], k[None, None], v[None, None]
        answer = judge_gradients(*call, arithmetic=arithmetic, dtype="float64", **options)
        for name in NAMES:
            got, bound = getattr(answer, name), getattr(answer, f"{name}_bound")
            for value, reach, due in zip(got.ravel(), bound.ravel(), exact[name].ravel(), strict=True):
                distance, room = abs(due - mpmath.mpf(float(value))), part * float(reach)
                assert distance <= room or distance < mpmath.mpf(10) ** -35, f"{name}, {options}"
                used = max(used, float(distance) / room) if room else used
    return used


def test_the_truth_is_inside(truths: list[Any]) -> None:
    """A judgement adds the reference's own bound to the declared one, here the same: half of it is its own."""
    used = largest_use(truths, REFERENCE, 0.5)
    print(f"at most {used:.3f} of the bound is used")
    assert used > 1e-3, "the reference's own bound is far too wide to mean anything"


@pytest.mark.parametrize("name", ["fp32", "half"])
def test_the_truth_is_inside_the_share_of_a_kernels_bound(name: str, truths: list[Any]) -> None:
    """Where the reference's error is taken as a share λ of the kernel's bound E, what is reported is (1 + λ)·E."""
    recomputed = {"backward_weights": "recomputed", "stored_output": None, "stored_weights": None, "n_pre": 0}
    arithmetic = replace(NAMED[name], weights_rounded="before", stored_head_gradients=None, **recomputed)  # type: ignore[arg-type]
    share = 4 * REFERENCE.u_acc / arithmetic.u_acc
    plain = [each for each in truths if "softcap" not in each[1]]
    used = largest_use(plain, arithmetic, share / (1 + share))
    print(f"{name}: at most {used:.4f} of the share is used")
    assert 1e-5 < used < 1
