"""The score of the suite itself is measured anew when a fault is added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attnspec.conformance.engine.budget import BUDGETS
from attnspec.reference.faults.catalogue import FAULTS

DATA = Path(__file__).resolve().parents[2] / "docs" / "data"


MEASURED = sorted(file.stem.partition("-")[2] for file in DATA.glob("faults-*.json"))
"""The budgets of the page. Without the quick one there is none."""


def test_the_quick_budget_is_measured() -> None:
    assert "quick" in MEASURED


@pytest.fixture(params=MEASURED)
def measured(request: pytest.FixtureRequest) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / f"faults-{request.param}.json").read_text(encoding="utf-8"))
    assert data["budget"] == {"name": request.param, "examples": BUDGETS[request.param].examples}
    return data


def test_every_fault_stands_in_the_data_in_every_dtype_in_which_it_shows(measured: dict[str, Any]) -> None:
    assert measured["dtypes"] == ["float32", "bfloat16"]
    due = {
        name: {dtype for dtype in measured["dtypes"] if fault.shows_in(dtype)}
        for name, fault in FAULTS.items()
        if not fault.equivalent
    }
    assert {name: set(entry) for name, entry in measured["faults"].items()} == due, "run make faults"


def test_what_is_told_of_a_fault_is_whole(measured: dict[str, Any]) -> None:
    for name, entry in measured["faults"].items():
        for part in entry.values():
            assert set(part) == ({"killed_by", "law", "problem", "seconds"} if part["killed_by"] else {"killed_by"}), name


def test_no_fault_survives_a_budget_that_certifies(measured: dict[str, Any]) -> None:
    survivors = [
        (name, dtype) for name, entry in measured["faults"].items() for dtype, part in entry.items() if not part["killed_by"]
    ]
    assert measured["budget"]["name"] == "quick" or not survivors
