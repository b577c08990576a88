"""The reference with the bound that it gives itself contains the truth, computed here in 50 digits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from attnspec.reference.arithmetic import NAMED, REFERENCE
from attnspec.reference.attention.bounds import judge, own_error
from attnspec.reference.attention.dropout import keep_mask

mpmath.mp.dps = 50
PROBLEMS = 40


def truth(q: Any, k: Any, v: Any, options: dict[str, Any]) -> tuple[list[Any], Any]:
    """out and lse of one row of one head, as mpmath numbers. q: (D,), k: (Sk, D), v: (Sk, Dv), options of that row."""
    scale = mpmath.mpf(options["scale"]) if "scale" in options else 1 / mpmath.sqrt(len(q))
    scores = []
    for j, key in enumerate(k):
        score = scale * mpmath.fsum(mpmath.mpf(a) * mpmath.mpf(b) for a, b in zip(q.tolist(), key.tolist(), strict=True))
        if "softcap" in options:
            score = options["softcap"] * mpmath.tanh(score / options["softcap"])
        if "bias" in options:
            score += mpmath.mpf(options["bias"][j])
        if "slope" in options:
            score -= mpmath.mpf(options["slope"]) * abs(options["row"] - j)
        scores.append(score)
    shown = [j for j in range(len(k)) if not options.get("causal") or j <= options["row"]]
    numerators = {j: mpmath.exp(scores[j]) for j in shown}
    total = mpmath.fsum(numerators.values()) + (mpmath.exp(options["sink"]) if "sink" in options else 0)
    keep = options.get("keep", [1] * len(k))
    out = [mpmath.fsum(numerators[j] * keep[j] * mpmath.mpf(v[j, e]) for j in shown) / total for e in range(v.shape[1])]
    return out, mpmath.log(total)


def problem(seed: int) -> tuple[tuple[Any, Any, Any], dict[str, Any], Any]:
    """A tiny call in float64, and the options of each (head, row) for `truth`."""
    r = np.random.default_rng(seed)
    sk, d = int(r.choice([1, 2, 5, 9])), int(r.choice([1, 3, 8]))
    sigma = r.choice([0.1, 1.0, 10.0])
    q, k, v = (sigma * r.standard_normal((1, 2, 2, d)), r.standard_normal((1, 2, sk, d)), r.standard_normal((1, 2, sk, 2)))
    options: dict[str, Any] = {}
    if seed % 2:
        options["causal"] = True
    if seed % 3 == 0:
        options["bias"] = r.standard_normal((1, 2, 2, sk))
    if seed % 5 == 0:
        options["softcap"] = 3.0
    if seed % 7 == 0:
        options["sinks"] = r.standard_normal(2)
    if seed % 4 == 0:
        options["alibi_slopes"] = r.random(2)
    if seed % 11 == 0:
        options["dropout_p"], options["seed"] = 0.25, seed
    if seed % 13 == 0:
        options["scale"] = 0.7

    def row_options(h: int, i: int) -> dict[str, Any]:
        mine = {name: options[name] for name in ("causal", "softcap", "scale") if name in options} | {"row": i}
        if "bias" in options:
            mine["bias"] = options["bias"][0, h, i]
        if "sinks" in options:
            mine["sink"] = mpmath.mpf(options["sinks"][h])
        if "alibi_slopes" in options:
            mine["slope"] = options["alibi_slopes"][h]
        if "dropout_p" in options:
            mine["keep"] = (keep_mask(seed, 0.25, (1, 2, 2, sk))[0, h, i] / mpmath.mpf(0.75)).tolist()
        return mine

    return (q, k, v), options, row_options


@pytest.mark.parametrize("block", range(4))
def test_the_truth_is_inside(block: int) -> None:
    used = 0.0
    for seed in range(block * PROBLEMS // 4, (block + 1) * PROBLEMS // 4):
        (q, k, v), options, row_options = problem(seed)
        answer = judge(q, k, v, arithmetic=REFERENCE, dtype="float64", **options)
        assert np.isfinite(answer.out_bound).all() and np.isfinite(answer.lse_bound).all()
        coarse = own_error(q, k, v, answer.attended, options)
        for h, i in np.ndindex(2, 2):
            out, lse = truth(q[0, h, i], k[0, h], v[0, h], row_options(h, i))
            got, bound = [*answer.out[0, h, i], answer.lse[0, h, i]], [*answer.out_bound[0, h, i], answer.lse_bound[0, h, i]]
            for exact, value, reach in zip([*out, lse], got, bound, strict=True):
                distance = abs(exact - mpmath.mpf(float(value)))
                # A judgement adds the reference's own bound to the declared one, here the same: half of it is its own.
                assert distance <= mpmath.mpf(float(reach)) / 2, f"seed {seed}, head {h}, row {i}"
                assert distance <= (coarse[1] if exact is lse else coarse[0]), f"seed {seed}, head {h}, row {i}"
                used = max(used, float(distance / reach * 2)) if reach else used
    print(f"at most {used:.3f} of the bound is used")
    assert used > 1e-4, "the reference's own bound is far too wide to mean anything"


@pytest.mark.parametrize("name", ["fp32", "half", "half-naive"])
def test_the_truth_is_inside_the_share_of_a_kernels_bound(name: str) -> None:
    """A judgement takes the reference's error as a share λ of the kernel's bound E; what it reports is (1 + λ)·E."""
    arithmetic = replace(NAMED[name], stored_weights=None, stored_scores=None)
    share = REFERENCE.u_acc / arithmetic.u_acc
    used = 0.0
    for seed in range(PROBLEMS):
        (q, k, v), options, row_options = problem(seed)
        answer = judge(q, k, v, arithmetic=arithmetic, dtype="float64", **options)
        for h, i in np.ndindex(2, 2):
            out, lse = truth(q[0, h, i], k[0, h], v[0, h], row_options(h, i))
            got, bound = [*answer.out[0, h, i], answer.lse[0, h, i]], [*answer.out_bound[0, h, i], answer.lse_bound[0, h, i]]
            for exact, value, reach in zip([*out, lse], got, bound, strict=True):
                distance, room = abs(exact - mpmath.mpf(float(value))), share * float(reach) / (1 + share)
                assert distance <= mpmath.mpf(room), f"seed {seed}, head {h}, row {i}"
                used = max(used, float(distance) / room) if room else used
    print(f"{name}: at most {used:.4f} of the share is used")
    assert used > 1e-4
