"""Two failures are alike only if the same kinds of numbers stand at the same places."""

from __future__ import annotations

import numpy as np
import pytest

from attnspec.conformance.engine.relation import decide
from attnspec.conformance.engine.symptom import Symptom, kinds_of

DUE = np.array([1.0, 2.0, np.nan, 4.0])


def symptom(*came: float) -> Symptom:
    found = decide(np.array(came), "==", DUE).symptom
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([np.nan, 1.0], {"nan", "finite"}),
        ([0.0, -0.0], {"zero"}),
        ([0.0, 1e-9], {"finite"}),
        ([np.inf, -np.inf, 0.0], {"inf", "-inf", "zero"}),
        ([], set()),
    ],
)
def test_kinds(values: list[float], kinds: set[str]) -> None:
    assert kinds_of(values) == kinds


def test_opposite_symptoms_are_not_alike() -> None:
    """0 where NaN is due, and NaN where a number is due."""
    assert not symptom(1.0, 2.0, 0.0, 4.0).like(symptom(1.0, 2.0, np.nan, np.nan))
    assert not symptom(1.0, 2.0, 0.0, 4.0).like(symptom(1.0, 2.0, 7.0, 4.0))
    assert symptom(1.0, 2.0, 0.0, 4.0).like(symptom(1.0, 2.0, 0.0, 4.0))


def test_places_and_signs_tell() -> None:
    low = symptom(0.5, 2.0, np.nan, 4.0)
    assert low.like(symptom(0.25, 2.0, np.nan, 4.0))
    assert not low.like(symptom(1.5, 2.0, np.nan, 4.0)) and low.like(symptom(1.5, 2.0, np.nan, 4.0), varies=True)
    assert not low.like(symptom(1.0, 1.5, np.nan, 4.0)) and low.like(symptom(1.0, 1.5, np.nan, 4.0), varies=True)


def test_there_is_none_where_nothing_breaks() -> None:
    assert decide(DUE, "==", DUE).symptom is None
