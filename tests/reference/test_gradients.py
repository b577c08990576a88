"""The gradients of attention: two definitions, differences of the forward pass, and what automatic differentiation says."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from attnspec.reference.attention import gradient_steps, tiled_backward
from attnspec.reference.attention.gradients import GRADIENT_STEPS, GradientSteps, gradients
from attnspec.reference.attention.steps import STEPS
from attnspec.reference.attention.textbook import attention
from attnspec.reference.attention.tiled_backward import tiled_backward as by_blocks

pytestmark = pytest.mark.long

CLOSE = 1e-11
"""Both definitions are float64 on values of a few units; this is a test of them, not of an implementation."""

STEP = 1e-5
DIFFERENCE = 1e-7
"""A central difference over STEP errs by its third derivative and by the roundoff of the loss, both relative to values of a few
units to the power of three."""


def upstream(seed: int, q: Any, v: Any) -> Any:
    return np.random.default_rng(seed).standard_normal((*q.shape[:3], v.shape[3]))


@pytest.mark.parametrize("block", [0, 1, *(pytest.param(n, marks=pytest.mark.study) for n in (2, 3))])
def test_textbook_and_blocks_agree(draw: Any, block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        (q, k, v), options = draw(seed)
        dout = upstream(seed, q, v)
        exact = gradients(dout, q, k, v, **options)
        for key_tile, query_tile in ((1, 3), (5, 64), (16, 16)):
            other = by_blocks(dout, q, k, v, key_tile=key_tile, query_tile=query_tile, **options)
            for name, got, due in zip(("dq", "dk", "dv"), other, (exact.dq, exact.dk, exact.dv), strict=True):
                np.testing.assert_allclose(got, due, rtol=CLOSE, atol=CLOSE * 10, err_msg=f"{name}, seed {seed}, {options}")


def test_the_two_definitions_share_no_meaning() -> None:
    statements = ast.walk(ast.parse(inspect.getsource(tiled_backward)))
    imports = [s for s in statements if isinstance(s, ast.ImportFrom) and s.level]
    assert {s.module for s in imports} == {"arrays", "checks", "options", "tiled", "tiled_head"}
    assert [name.name for s in imports if s.module == "arrays" for name in s.names] == ["real"], "how an array becomes float64"


def test_gradients_are_differences_of_the_output(draw: Any) -> None:
    """Every option and convention, entry by entry: the loss is Σ dout·out of the definition of attention."""
    tried: set[str] = set()
    for seed in range(0, 240, 4):  # float64 inputs
        (q, k, v), options = draw(seed, tiny=True)
        options = {**options, "empty_rows": "mean" if seed % 8 else "zeros"}
        k, v = (np.where(np.isfinite(x), x, 0.0) for x in (k, v))
        dout = upstream(seed, q, v)
        exact = gradients(dout, q, k, v, **options)
        for name, got in (("q", exact.dq), ("k", exact.dk), ("v", exact.dv)):
            expected = difference(dout, {"q": q, "k": k, "v": v, **options}, name)
            np.testing.assert_allclose(got, expected, rtol=DIFFERENCE, atol=DIFFERENCE, err_msg=f"d{name}")
        for name, got in (("bias", exact.dbias), ("sinks", exact.dsinks)):
            if name in options and np.isfinite(options[name]).all():
                expected = difference(dout, {"q": q, "k": k, "v": v, **options}, name)
                np.testing.assert_allclose(got, expected, rtol=DIFFERENCE, atol=DIFFERENCE, err_msg=f"d{name}")
                tried.add(name)
        tried |= set(options)
    assert {"bias", "sinks", "softcap", "kv_lengths", "q_segments", "dropout_p", "alibi_slopes", "window", "mask"} <= tried


def difference(dout: Any, given: dict[str, Any], name: str) -> Any:
    """The central difference of the loss in each finite entry of one array of a call, 0 elsewhere."""

    def loss(array: Any) -> float:
        changed = {**given, name: array}
        positional = [changed.pop(each) for each in "qkv"]
        return float((dout * attention(*positional, **changed).out).sum())

    base = np.array(given[name], dtype=np.float64)
    slopes = np.zeros_like(base)
    for place in np.ndindex(base.shape):
        if np.isfinite(base[place]):
            up, down = base.copy(), base.copy()
            up[place] += STEP
            down[place] -= STEP
            slopes[place] = (loss(up) - loss(down)) / (up[place] - down[place])
    return slopes


def test_automatic_differentiation_says_the_same() -> None:
    import torch

    r = np.random.default_rng(0)
    arrays = [r.standard_normal(s) for s in ((2, 4, 5, 3), (2, 2, 7, 3), (2, 2, 7, 4), (4, 1, 7), (4,))]
    dout, keep = r.standard_normal((2, 4, 5, 4)), r.random((2, 4, 5, 7)) > 0.3
    options = {"softcap": 2.0, "causal": True, "dropout_p": 0.3, "dropout_keep": keep, "bias": arrays[3], "sinks": arrays[4]}
    exact = gradients(dout, *arrays[:3], **options)

    q, k, v, bias, sinks = (torch.tensor(x, requires_grad=True) for x in arrays)
    scores = 2 * torch.tanh(q @ k.repeat_interleave(2, 1).mT / 3**0.5 / 2) + bias
    scores = scores.masked_fill(~torch.ones(5, 7, dtype=torch.bool).tril(), -torch.inf)
    logits = torch.cat([scores, sinks[None, :, None, None].expand(2, 4, 5, 1)], -1)
    kept = torch.softmax(logits, -1)[..., :-1] * torch.tensor(keep) / 0.7
    (kept @ v.repeat_interleave(2, 1)).backward(torch.tensor(dout))
    for name, x in zip(("dq", "dk", "dv", "dbias", "dsinks"), (q, k, v, bias, sinks), strict=True):
        assert x.grad is not None
        np.testing.assert_allclose(getattr(exact, name), x.grad.numpy(), rtol=1e-12, atol=1e-13, err_msg=name)


def test_descales_multiply_the_gradients() -> None:
    r = np.random.default_rng(1)
    q, k, v, dout = (r.standard_normal(s) for s in ((1, 4, 3, 2), (1, 2, 5, 2), (1, 2, 5, 3), (1, 4, 3, 3)))
    factors = [np.array([[2.0, 0.5]]), np.array([[0.25, 4.0]]), np.array([[3.0, 1.0]])]
    given = dict(zip(("q_descale", "k_descale", "v_descale"), factors, strict=True))
    made = gradients(dout, q, k, v, **given)
    each = [np.repeat(factors[0], 2, axis=1), *factors[1:]]
    wide = [f[:, :, None, None] for f in each]
    plain = gradients(dout, q * wide[0], k * wide[1], v * wide[2])
    for got, due, factor in zip((made.dq, made.dk, made.dv), (plain.dq, plain.dk, plain.dv), wide, strict=True):
        np.testing.assert_allclose(got, due * factor, rtol=1e-13)
    for got, due in zip(by_blocks(dout, q, k, v, **given), (made.dq, made.dk, made.dv), strict=True):
        np.testing.assert_allclose(got, due, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("of", [lambda *a, **o: gradients(*a, **o), by_blocks])
@pytest.mark.parametrize("convention", ["zeros", "mean", "nan"])
def test_rows_that_see_no_key(convention: str, of: Any) -> None:
    r = np.random.default_rng(2)
    q, k, v, dout = (r.standard_normal((1, 1, n, 2)) for n in (3, 4, 4, 3))
    q[0, 0, 1] = np.nan if convention != "nan" else 0
    mask = np.ones((3, 4), dtype=bool)
    mask[1] = False
    others = [0, 2]
    rest = gradients(dout[:, :, others], q[:, :, others], k, v)
    made = of(dout, q, k, v, mask=mask, empty_rows=convention)
    dq, dk, dv = made if isinstance(made, tuple) else (made.dq, made.dk, made.dv)
    np.testing.assert_allclose(dq[:, :, others], rest.dq, rtol=1e-13)
    if convention == "nan":
        assert np.isnan(dq[:, :, 1]).all() and np.isnan(dk).all() and np.isnan(dv).all()
        return
    assert (dq[:, :, 1] == 0).all()
    np.testing.assert_allclose(dk, rest.dk, rtol=1e-13)
    share = dout[:, :, 1:2] / 4 if convention == "mean" else 0.0
    np.testing.assert_allclose(dv, rest.dv + share, rtol=1e-13)


@pytest.mark.parametrize("junk", [np.nan, np.inf, 3e38])
def test_hidden_keys_have_gradients_of_exactly_zero_and_may_hold_anything(junk: float) -> None:
    r = np.random.default_rng(3)
    q, k, v, dout = (r.standard_normal((2, 2, n, 2)) for n in (3, 6, 6, 3))
    options = {"kv_lengths": np.array([4, 0]), "softcap": 3.0}
    clean = gradients(dout, q, k, v, **options)
    for b, length in enumerate(options["kv_lengths"]):  # type: ignore[arg-type]
        k[b, :, length:], v[b, :, length:] = junk, junk
    for made in (gradients(dout, q, k, v, **options), None):
        dq, dk, dv = (made.dq, made.dk, made.dv) if made is not None else by_blocks(dout, q, k, v, **options)
        assert (dk[0, :, 4:] == 0).all() and (dv[0, :, 4:] == 0).all()
        assert (dq[1] == 0).all() and (dk[1] == 0).all() and (dv[1] == 0).all()
        for got, due in zip((dq, dk, dv), (clean.dq, clean.dk, clean.dv), strict=True):
            np.testing.assert_allclose(got, due, rtol=1e-12, atol=1e-14)


def test_a_dout_of_another_shape_is_named() -> None:
    x = np.zeros((1, 1, 2, 3))
    with pytest.raises(ValueError, match="dout has shape"):
        gradients(x[:, :, :1], x, x, x)


FAULTS: dict[str, dict[str, Any]] = {
    "no D": {"delta": lambda dout, out: np.zeros_like(out[..., :1])},
    "another mask": {"recompute": replace(STEPS, causal=lambda i, j: j <= i + 1)},
    "sink left out": {"normalizer": lambda lse, sinks: lse if sinks is None else np.log(np.exp(lse) - np.exp(sinks))},
    "not normalized": {"weights": lambda scores, lse: np.exp(scores)},
    "empty rows weigh 1": {"empty_weights": lambda sk, convention: 1.0},
    "weights not dropped": {"drop_weights": lambda weights, keep, p: weights},
    "dropout not inverted on the way back": {"drop_gradient": lambda dp, keep, p: dp * keep},
    "V of the transposed weights": {"values": lambda kept, dout: gradient_steps.values(np.roll(kept, 1, -1), dout)},
    "dP from V shifted": {"of_weights": lambda dout, v: gradient_steps.of_weights(dout, np.roll(v, 1, -2))},
    "sigmoid instead of softmax": {"of_scores": lambda weights, dp, delta: weights * (1 - weights) * dp},
    "softcap passes": {"softcap": lambda ds, capped, cap: ds},
    "last key skipped": {"queries": lambda ds, k: ds[..., :-1] @ k[:, :, :-1]},
    "dq not scaled": {"scale_q": lambda dq, scale: dq},
    "last query skipped": {"keys": lambda ds, q: gradient_steps.keys(ds[:, :, :-1], q[:, :, :-1])},
    "dk scaled twice": {"scale_k": lambda dk, scale: dk * scale * scale},
    "last head of a group": {
        "sum_group": lambda each, heads, hkv: np.stack([each[:, heads == h][:, -1] for h in range(hkv)], axis=1)
    },
    "sink pulls": {"sinks": lambda given, lse, delta: -gradient_steps.sinks(given, lse, delta)},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_step_is_seen(draw: Any, name: str) -> None:
    steps = replace(GRADIENT_STEPS, **FAULTS[name])
    for seed in range(400):
        (q, k, v), options = draw(seed)
        dout = upstream(seed, q, v)
        right, wrong = gradients(dout, q, k, v, **options), gradients(dout, q, k, v, steps=steps, **options)
        for part in ("dq", "dk", "dv", "dsinks"):
            a, b = getattr(right, part), getattr(wrong, part)
            if a is not None and not np.allclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True):
                return
    pytest.fail(f"no drawn problem tells {name!r} from the definition")


def test_every_step_has_a_fault_here() -> None:
    assert {f.name for f in fields(GradientSteps)} == {step for fault in FAULTS.values() for step in fault}
