"""A report in which everything occurs: each verdict, a known failure, a should-law, and texts that try to be markup."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def mixed(report: Any, row: Any, plan: dict[str, Any], nasty: str) -> dict[str, Any]:
    """Seven results of one implementation: pass, fail, error, known, should, inconclusive, not claimed."""
    names = ("pass", "fail", "error", "known", "inconclusive", "not-claimed")
    plan["laws"] = {f"weights/{name}": {**plan["laws"]["weights/a"]} for name in names} | {
        "heads/c": {**plan["laws"]["heads/c"]}
    }
    rows = [
        row("weights/pass"),
        row("weights/fail", "fail", message=nasty, diagnosis=DIAGNOSIS),
        row("weights/error", "error", message="raised KeyError: 1"),
        row("weights/known", "fail"),
        row("heads/c", "fail", level="should", message="lax"),
        row("weights/inconclusive", "inconclusive", reasons={"bound is infinite": 2}),
        row("weights/not-claimed", "not-claimed", reasons={"takes no option window": 12}),
    ]
    entry = {"law": "weights/known", "implementation": "mine", "reason": "slow path"}
    made: dict[str, Any] = report(rows, baseline=[entry])
    return made


DIAGNOSIS = {
    "how": "outputs",
    "problems": 3,
    "wrong": 2,
    "nearest": None,
    "where": ["all rows"],
    "factor": [],
    "mask": [],
    "seconds": 0.1,
    "ranked": [
        {"fault": "scale-ignored", "title": "No scale.", "links": ["https://example.org"], "matched": 3, "of": 3, "shown": 2}
    ],
}
