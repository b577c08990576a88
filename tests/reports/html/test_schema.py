"""What the page draws is part of the published format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from attnspec.reports.write import as_json

SCHEMA = Path(__file__).resolve().parents[3] / "reports" / "schema" / "report.schema.json"


def test_ratios_and_pictures_are_allowed(making: Any) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    report = json.loads(as_json(making.nasty()))
    validator.validate(report)
    report["results"][1]["diagnosis"]["pictures"]["mask_due"] = ["12"]
    report["results"][0]["ratios_over_keys"] = [[1.5, 2]]
    assert len(list(validator.iter_errors(report))) == 2
