"""CTRF against what its schema requires and allows."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from attnspec.reports.formats import rendered
from attnspec.reports.record import Record

STATUS = {"enum": ["passed", "failed", "skipped", "pending", "other"]}
WHOLE = {"type": "integer"}
TEXT = {"type": "string"}
FREE = {"type": "object"}


def closed(required: dict[str, Any], allowed: dict[str, Any]) -> dict[str, Any]:
    """An object with some keys, that may have others of a list, and none besides."""
    return {"type": "object", "required": list(required), "properties": required | allowed, "additionalProperties": False}


TEST = closed(
    {"name": {"type": "string", "minLength": 1}, "status": STATUS, "duration": WHOLE},
    {"suite": {"type": "array", "minItems": 1, "items": TEXT}, "message": TEXT, "trace": TEXT, "line": WHOLE,
     "rawStatus": TEXT, "tags": {"type": "array", "items": TEXT}, "filePath": TEXT, "extra": FREE},
)  # fmt: skip
SUMMARY = closed(
    dict.fromkeys(("tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"), WHOLE),
    {"suites": WHOLE, "duration": WHOLE, "extra": FREE},
)
ENVIRONMENT = closed({}, {"reportName": TEXT, "osPlatform": TEXT, "healthy": {"type": "boolean"}, "extra": FREE})
RESULTS = closed(
    {
        "tool": closed({"name": {"type": "string", "minLength": 1}}, {"version": TEXT, "extra": FREE}),
        "summary": SUMMARY,
        "tests": {"type": "array", "items": TEST},
    },
    {"environment": ENVIRONMENT, "extra": FREE},
)
SCHEMA = closed(
    {"reportFormat": {"const": "CTRF"}, "specVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}, "results": RESULTS},
    {"timestamp": TEXT, "generatedBy": TEXT, "extra": FREE},
)
"""What the schema of CTRF says of the keys that are used here."""


def document(report: Any) -> Any:
    made = json.loads(rendered(Record.of(report), "ctrf"))
    jsonschema.Draft202012Validator(SCHEMA).validate(made)
    return made


def test_each_result_is_a_test(mixed: Any) -> None:
    made = document(mixed)
    found = {test["name"]: (test["status"], test.get("rawStatus")) for test in made["results"]["tests"]}
    assert found == {
        "weights/pass in float32": ("passed", "pass"),
        "weights/fail in float32": ("failed", "fail"),
        "weights/error in float32": ("failed", "error"),
        "weights/known in float32": ("other", "fail"),
        "heads/c in float32": ("other", "fail"),
        "weights/inconclusive in float32": ("other", "inconclusive"),
        "weights/not-claimed in float32": ("skipped", "not-claimed"),
    }
    summary = made["results"]["summary"]
    assert [summary[key] for key in ("tests", "passed", "failed", "skipped", "other")] == [7, 1, 2, 1, 3]
    assert summary["stop"] - summary["start"] == 2100 and summary["start"] > 1.7e12
    assert made["results"]["environment"]["healthy"] is False
    assert "replay    attnspec replay" in made["results"]["tests"][1]["trace"]


def test_a_run_that_was_killed_is_a_failed_test(report: Any, row: Any) -> None:
    made = document(report([row()], planned=3))
    assert made["results"]["environment"]["reportName"].startswith("INCOMPLETE: 1 of 3")
    failed = [test["name"] for test in made["results"]["tests"] if test["status"] == "failed"]
    assert failed == ["the run is complete"]


def test_the_schema_can_fail(mixed: Any) -> None:
    made = document(mixed)
    made["results"]["tests"][0]["verdict"] = "pass"
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(made)
