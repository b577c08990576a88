"""Faults of random feature attention: each a mistake of its own, and the definition wherever it cannot show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.faults.catalogue import CORRECT, FAULTS, as_callable
from attnspec.reference.random_feature_attention.definition import random_feature_attention
from attnspec.spec.operations import faults

from .random_cases import call

OPERATION = "random_feature_attention"
RANDOM = {name: made for name, made in FAULTS.items() if made.operation == OPERATION}
CALLS = 40


def arguments(seed: int) -> tuple[list[Any], dict[str, Any]]:
    """Half of the calls give a projection, the others have it drawn, some of them orthogonally."""
    seed -= seed % 8 == 7  # the call before, once more
    arrays, options = call(seed)
    q, k, v = (x.astype(np.float32) for x in arrays)
    options = {name: value for name, value in options.items() if value is not False}
    if seed % 3 == 1:
        options |= {"num_features": 11, "seed": seed, "projection": None}
        options |= {"orthogonal": True} if seed % 2 else {}
    if seed % 5 == 0:
        q, k = 8 * q, 8 * k
    if seed % 4 == 0:
        k = np.ascontiguousarray(k.swapaxes(1, 2)).swapaxes(1, 2)
    return [q, k, v], {name: value for name, value in options.items() if value is not None}


def answer(function: Any, seed: int) -> tuple[Any, ...]:
    """Bits of what one call gives, and of what it was handed."""
    (q, k, v), options = arguments(seed)
    given = [x.tobytes() for x in (q, k, v)]
    out = function(q, k, v, **options)
    kept = given == [x.tobytes() for x in (q, k, v)]
    return kept, out.dtype.name, np.nan_to_num(out.astype(np.float64), nan=12345.0).tobytes()


@pytest.fixture(scope="module")
def right() -> list[tuple[Any, ...]]:
    return [answer(as_callable(CORRECT, operation=OPERATION), seed) for seed in range(CALLS)]


def test_the_correct_callable_is_the_definition_rounded_once() -> None:
    for seed in range(CALLS):
        (q, k, v), options = arguments(seed)
        due = random_feature_attention(q, k, v, **options).out.astype(np.float32)
        assert np.array_equal(as_callable(CORRECT, operation=OPERATION)(q, k, v, **options), due)


@pytest.mark.parametrize("name", RANDOM)
def test_a_fault_shows_and_only_where_its_options_are(name: str, right: list[tuple[Any, ...]]) -> None:
    function, needs, shown = as_callable(name), set(RANDOM[name].needs), 0
    for seed in range(CALLS):
        function = function if RANDOM[name].remembers else as_callable(name)
        if answer(function, seed) != right[seed]:
            shown += 1
            assert needs <= set(arguments(seed)[1]), "it shows without an option that it needs"
    assert shown, "it never shows"


def test_no_two_faults_are_one(right: list[tuple[Any, ...]]) -> None:
    seen: dict[Any, str] = {tuple(right): CORRECT}
    for name in RANDOM:
        function = as_callable(name)
        found = tuple(answer(function, seed) for seed in range(CALLS))
        assert found not in seen, f"{name} is {seen.get(found)}"
        seen[found] = name


def test_they_are_many_and_cite_their_sources() -> None:
    entries = faults()
    assert len(RANDOM) >= 35
    reported = {link for name in RANDOM for link in entries[name]["links"] if "github.com" in link}
    assert len(reported) > 15
