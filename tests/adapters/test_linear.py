"""Every shipped linear attention, over the options that it claims, against a sum over all pairs written out here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.arrays import arrays_for
from attnspec.adapters.finding import find
from attnspec.adapters.shipped import SHIPPED
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure

pytestmark = pytest.mark.long

NAMES = [name for name in SHIPPED if "/linear-" in name]
ROUNDOFF = {"float32": 2.0**-24, "bfloat16": 2.0**-8}

ROUNDINGS = 60
"""Roundings, each relative to the sum of the absolute values, that one answer may carry here."""

CASES = (
    "causal=1",
    "",
    "causal=1&feature_map=elu1&normalize=1",
    "causal=1&feature_map=exp&normalize=1&kv_lengths=random",
    "causal=1&decay=random&gate=some:bhs&initial_state=normal",
    "causal=1&gate=mild:bhsf&scale=0.5",
    "causal=1&feature_map=taylor2",
    "causal=1&beta=random&decay=half",
    "feature_map=relu&kv_lengths=zero-some",
    "causal=1&cu_seqlens=empties&initial_state=normal",
)


def problem(case: str, dtype: str) -> Problem:
    b = 1 if "cu_seqlens" in case else 2
    sizes = f"dtype={dtype}&b={b}&hq=2&hkv=2&sq=21&sk=21&d=4&dv=3"
    return build(Structure.parse("&".join(filter(None, (sizes, case, "values=soft&seed=3"))), "linear_attention"))


def phi(name: str, x: Any) -> Any:
    if name == "taylor2":
        pairs = (x[..., :, None] * x[..., None, :]).reshape(*x.shape[:-1], -1)
        return np.concatenate([np.ones((*x.shape[:-1], 1)), x, pairs / math.sqrt(2)], -1)
    return {
        "identity": x,
        "elu1": np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))),
        "relu": np.maximum(x, 0),
        "exp": np.exp(x),
    }[name]


def defined(p: Problem) -> tuple[Any, Any]:
    """The output (B, H, Sq, Dv) and the sum of the absolute values of its terms, term by term, in float64."""
    o = p.options
    name = o.get("feature_map", "identity")
    q, k, v = phi(name, p.q.astype(float)), phi(name, p.k.astype(float)), p.v.astype(float)
    out, size = np.zeros((p.b, p.hq, p.sq, p.dv)), np.zeros((p.b, p.hq, p.sq, p.dv))
    cuts = o.get("cu_seqlens", np.array([0, p.sk]))
    for b, h, n in np.ndindex(p.b, p.hq, len(cuts) - 1):
        start, end = int(cuts[n]), int(cuts[n + 1])
        entry = n if "cu_seqlens" in o else b
        state, whole = np.zeros((q.shape[3], p.dv + 1)), np.zeros((q.shape[3], p.dv + 1))
        if "initial_state" in o:
            state = np.concatenate([o["initial_state"][0][entry, h], o["initial_state"][1][entry, h][:, None]], 1).astype(float)
            whole = np.abs(state)
        for t in range(start, end):
            if t < start + (o["kv_lengths"][b] if "kv_lengths" in o else end):
                factor = np.exp(np.asarray(o["gate"][b, h, t], float)) if "gate" in o else 1.0
                factor = np.reshape(factor * (float(o["decay"][h]) if "decay" in o else 1.0), (-1, 1))
                value = np.append(v[b, h, t], 1.0)
                state, whole = factor * state, factor * whole
                write = value if "beta" not in o else float(o["beta"][b, h, t]) * (value - k[b, h, t] @ state)
                state = state + np.outer(k[b, h, t], write)
                whole = whole + np.outer(np.abs(k[b, h, t]), np.abs(write))
            if o.get("causal"):
                out[b, h, t], size[b, h, t] = read(p, q[b, h, t], state, whole)
        for t in range(p.sq if not o.get("causal") else 0):
            out[b, h, t], size[b, h, t] = read(p, q[b, h, t], state, whole)
    return out, size


def read(p: Problem, query: Any, state: Any, whole: Any) -> tuple[Any, Any]:
    row, size = query @ state, np.abs(query) @ whole
    if p.options.get("normalize"):
        return row[:-1] / row[-1], (size[:-1] + np.abs(row[:-1] / row[-1]) * size[-1]) / row[-1]
    scale = p.options.get("scale", 1.0)
    return scale * row[:-1], scale * size[:-1]


@pytest.mark.parametrize("dtype", ROUNDOFF)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_every_form_agrees_with_the_sum(name: str, case: str, dtype: str) -> None:
    made, p = find(name)[0], problem(case, dtype)
    if not set(p.options) <= made.options or (made.supports is not None and made.supports(p) is not None):
        assert name in ("jax/linear-chunked", "jax/linear-parallel", "triton/linear-chunk"), "the others know every option"
        return
    arrays = arrays_for(made.arrays)

    def moved(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(moved(each) for each in x)
        return arrays.to_framework(x) if isinstance(x, np.ndarray) else x

    options = {option: moved(value) for option, value in p.options.items()}
    result, (state, normalizer) = made.function(moved(p.q), moved(p.k), moved(p.v), return_state=True, **options)
    came, (due, size) = arrays.from_framework(result), defined(p)
    assert came.dtype == p.q.dtype and came.shape == due.shape
    assert np.all(np.abs(came.astype(float) - due) <= ROUNDINGS * ROUNDOFF[dtype] * size + 1e-30)
    entries = len(p.options["cu_seqlens"]) - 1 if "cu_seqlens" in p.options else p.b
    states = [arrays.from_framework(x, "a state") for x in (state, normalizer)]
    assert [x.dtype.name for x in states] == ["float32", "float32"]
    assert states[0].shape[::3] == (entries, p.dv) and states[1].shape == states[0].shape[:3]


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused_with_words(name: str) -> None:
    made, p = find(name)[0], problem("", "float32")
    arrays = arrays_for(made.arrays)
    q, k, v = (arrays.to_framework(x) for x in (p.q, p.k, p.v))
    fewer = arrays.to_framework(p.q[:, :, :3])
    for wrong, options, message in (
        ((fewer, k, v), {"causal": True}, "as many queries as keys"),
        ((q, k, arrays.to_framework(p.v[:, :, :3])), {}, "must have batch, heads and keys"),
        ((q, k, v), {"feature_map": "elu"}, "feature_map"),
        ((q, k, v), {"gate": arrays.to_framework(np.zeros((2, 2, 3), np.float32))}, "gate has shape"),
    ):
        with pytest.raises(ValueError, match=message):
            made.function(*wrong, **options)
