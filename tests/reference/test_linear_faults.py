"""Faults of linear attention: each a mistake of its own, and the definition wherever it cannot show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.faults.catalogue import CORRECT, FAULTS, as_callable
from attnspec.reference.linear_attention.recurrent import linear_attention
from attnspec.spec.operations import faults

from .linear_cases import call

pytestmark = pytest.mark.long

LINEAR = {name: made for name, made in FAULTS.items() if made.operation == "linear_attention"}
CALLS = 40


def arguments(seed: int) -> tuple[list[Any], dict[str, Any]]:
    seed -= seed % 10 == 9  # the call before, once more
    arrays, options = call(seed, (1, 5, 17, 33, 65))
    q, k, v = (x.astype(np.float32) for x in arrays)
    plain = {"feature_map": "identity", "causal": False, "normalize": False, "scale": 1.0}
    options = {name: value for name, value in options.items() if name not in plain or value != plain[name]}
    if seed % 3 == 0 and options.get("gate") is not None:
        options["gate"] = np.minimum(options["gate"], np.float32(-2))
    if seed % 4 == 0:
        k = np.ascontiguousarray(k.swapaxes(1, 2)).swapaxes(1, 2)
    return [q, k, v], options


def answer(function: Any, seed: int) -> tuple[Any, ...]:
    """Bits of what one call gives, and of what it was handed."""
    (q, k, v), options = arguments(seed)
    given = [x.tobytes() for x in (q, k, v)]
    states = [x.tobytes() for x in options.get("initial_state", ())]
    out, (state, normalizer) = function(q, k, v, return_state=True, **options)
    kept = given == [x.tobytes() for x in (q, k, v)] and states == [x.tobytes() for x in options.get("initial_state", ())]
    return (
        kept,
        out.dtype.name,
        *(np.nan_to_num(x.astype(np.float64), nan=12345.0).tobytes() for x in (out, state, normalizer)),
    )


@pytest.fixture(scope="module")
def right() -> list[tuple[Any, ...]]:
    return [answer(as_callable(CORRECT, operation="linear_attention"), seed) for seed in range(CALLS)]


def test_the_correct_callable_is_the_definition_rounded_once() -> None:
    for seed in range(CALLS):
        (q, k, v), options = arguments(seed)
        out, (state, _) = as_callable(CORRECT, operation="linear_attention")(q, k, v, return_state=True, **options)
        due = linear_attention(q, k, v, **options)
        assert np.array_equal(out, due.out.astype(np.float32), equal_nan=True)
        assert np.array_equal(state, due.state.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("name", LINEAR)
def test_a_fault_shows_and_only_where_its_options_are(name: str, right: list[tuple[Any, ...]]) -> None:
    function, needs = as_callable(name), set(LINEAR[name].needs) - {"return_state"}
    shown = 0
    for seed in range(CALLS):
        function = as_callable(name) if not LINEAR[name].remembers else function
        came = answer(function, seed)
        if came != right[seed]:
            shown += 1
            assert needs <= set(arguments(seed)[1]), "it shows without an option that it needs"
    assert shown, "it never shows"


def test_no_two_faults_are_one(right: list[tuple[Any, ...]]) -> None:
    seen: dict[Any, str] = {}
    for name in LINEAR:
        function = as_callable(name)
        found = tuple(answer(function, seed) for seed in range(CALLS))
        assert found not in seen, f"{name} is {seen.get(found)}"
        seen[found] = name
    assert tuple(right) not in seen


def test_they_are_many_and_cite_their_sources() -> None:
    entries = faults()
    assert len(LINEAR) >= 50
    assert all(entries[name]["links"] for name in LINEAR)
    reported = {link for name in LINEAR for link in entries[name]["links"] if "github.com" in link}
    assert len(reported) > 20
