"""What is known of a problem serves the next implementation, and none can change what the next one is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine import problem_cache as module
from attnspec.conformance.engine.problem_cache import KEPT, LARGEST, cached_problem
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.problems.structure import Structure
from attnspec.reference.faults.catalogue import as_callable

LAW = next(law for law in load_laws() if law.id == "weights/as-defined")
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}


def made(function: Any) -> Implementation:
    return implementation_of(function, name="kernel", conventions=CONVENTIONS)


def structure(**sizes: int) -> Structure:
    return Structure.of(**{"sq": 2, "sk": 3, "d": 4, **sizes}, operation="attention")  # type: ignore[arg-type]


def attend(q: Any, k: Any, v: Any) -> Any:
    scores = q @ np.repeat(k, q.shape[1] // k.shape[1], axis=1).swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(q.dtype) @ np.repeat(v, q.shape[1] // k.shape[1], axis=1)


def spoiling(q: Any, k: Any, v: Any) -> Any:
    out = attend(q, k, v)
    for x in (q, k, v):
        x[...] = 7
    return out


def test_a_problem_is_kept_for_the_next_one_that_asks() -> None:
    first = cached_problem(LAW, structure(), CONVENTIONS)
    assert cached_problem(LAW, structure(), dict(reversed(CONVENTIONS.items()))) is first
    assert cached_problem(LAW, structure(), {**CONVENTIONS, "empty_rows": "nan"}) is not first
    for seed in range(1, KEPT + 1):
        cached_problem(LAW, structure(seed=seed), CONVENTIONS)
    assert cached_problem(LAW, structure(), CONVENTIONS) is not first


def test_a_large_problem_is_not_kept() -> None:
    large = structure(sq=1, sk=LARGEST + 1, d=1)
    assert cached_problem(LAW, large, CONVENTIONS) is not cached_problem(LAW, large, CONVENTIONS)


def test_the_reference_answers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LATEST", {})
    kernels = made(attend), made(lambda q, k, v: attend(q, k, v))
    first, second = (verify(kernel, LAW, "float32", examples=8) for kernel in kernels)
    assert first.verdict == second.verdict == "pass" and first.worst_ratio == second.worst_ratio
    assert second.seconds["reference"] < first.seconds["reference"] / 4


def test_a_kernel_that_writes_into_its_arguments_spoils_nothing_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LATEST", {})
    spoilt = verify(made(spoiling), LAW, "float32", examples=8)
    assert "calls changed their inputs k, q, v" in spoilt.details
    right = verify(made(attend), LAW, "float32", examples=8)
    assert right.verdict == "pass" and right.details == []
    wrong = verify(made(as_callable("scale-one-percent")), LAW, "float32", examples=8)
    assert wrong.verdict == "fail"
