"""A pass under an arithmetic weaker than every named one has to be earned; under any other nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.adapters.numpy.naive import attend
from attnspec.conformance.engine.result import Result
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.reference.arithmetic import NAMED, arithmetic_for, weaker_than_named

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}


def zeros(q: Any, k: Any, v: Any) -> Any:
    return np.zeros((*q.shape[:3], v.shape[3]), q.dtype)


def judged(function: Any, arithmetic: Any, law: str = "weights/as-defined", examples: int = 4) -> Result:
    made = implementation_of(function, name="made", dtypes=["float32"], arithmetic={"float32": arithmetic})
    return verify(made, LAWS[law], "float32", examples=examples)


@pytest.mark.parametrize("name", NAMED)
def test_no_named_model_is_weaker_than_the_named(name: str) -> None:
    assert weaker_than_named(arithmetic_for(name, "float16")) == ()


@pytest.mark.parametrize("field", ["u_exp", "u_acc", "splits", "least"])
def test_a_field_beyond_them_is(field: str) -> None:
    value = {"splits": 5}.get(field, 2 * max(getattr(each, field) for each in NAMED.values()))
    assert weaker_than_named(arithmetic_for({field: value}, "float32")) == (field,)


def test_zeros_that_the_bound_allows_are_no_pass() -> None:

    result = judged(zeros, {"least": 1e3})
    assert result.verdict == "inconclusive"
    named = judged(lambda q, k, v: attend(q, k, v), {"u_exp": 2.0**-5}, "accuracy/scale", 2)
    assert named.verdict == "inconclusive" and "(u_exp = 0.03125) lets" in named.message and "would reject" in named.message


def test_what_still_rejects_something_is_a_pass() -> None:
    assert judged(lambda q, k, v: attend(q, k, v), {"splits": 64}).verdict == "pass"
    assert judged(lambda q, k, v: attend(q, k, v), {"u_exp": 2.0**-5}).verdict == "pass"
