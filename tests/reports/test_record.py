"""A report in both its shapes: what is written and what is read say the same, and nothing that is written is lost."""

from __future__ import annotations

from typing import Any

import pytest

from attnspec.reports.merge import merge_reports
from attnspec.reports.model import build_report
from attnspec.reports.record import Record
from attnspec.reports.schema import SchemaError, Summary, checked
from attnspec.reports.schema.faults import Rejected


@pytest.fixture
def record(row: Any, plan: dict[str, Any]) -> Record:
    """A report with a failure that the baseline expects, one that it does not, and an entry that matches nothing."""
    rows = [row("weights/a", "fail", later=1), row("weights/b", "fail"), row("heads/c", level="should")]
    reason = {"reason": "slow path", "link": "https://example.org/1"}
    baseline = [{**reason, "law": law, "implementation": "mine"} for law in ("weights/a", "weights/z")]
    return build_report(rows, plan=plan, planned=3, conventions={}, baseline=baseline)


def test_what_is_concluded_is_in_both(record: Record) -> None:
    assert Record.of(record.data).report == record.report
    known = "slow path (https://example.org/1)"
    assert record.data["results"][0]["known"] == record.report.results[0].known == known
    assert "known" not in record.data["results"][1] and not record.report.results[1].known
    assert len(record.report.baseline_problems) == 1 and len(record.report.causes or []) == 2 and record.report.verdicts


def test_what_a_later_version_writes_and_the_order_of_keys_are_kept(record: Record) -> None:
    merged = merge_reports([("it", record)])
    assert Record.of(merged.data).report == merged.report
    for each in (record, merged):
        assert each.data["results"][0]["later"] == 1
        assert list(each.data["baseline"][0]) == ["reason", "link", "law", "implementation"]


def test_what_is_no_report_has_no_record(record: Record) -> None:
    record.data["results"][1]["verdict"] = "fine"
    with pytest.raises(SchemaError, match="results/1/verdict: invalid enum value 'fine'"):
        Record.of(record.data)


def test_a_summary_names_the_law_that_rejects_first(record: Record) -> None:
    head = {key: record.data[key] for key in ("format", "attnspec", "environment", "seed")}
    head |= {"budget": {"name": "quick", "examples": 1}, "dtypes": ["float32"], "seconds": 1, "laws": 1}

    def summary(**part: Any) -> Summary:
        return checked({**head, "faults": {"f": {"float32": part}}}, Summary, "the summary")

    whole = {"law": "weights/a", "problem": 1, "seconds": 0.1}
    assert summary(killed_by=0).faults["f"]["float32"] == Rejected(0)
    assert summary(killed_by=2, **whole).faults["f"]["float32"].law == "weights/a"
    with pytest.raises(SchemaError, match="faults/f/float32: object does not say which law rejects it first"):
        summary(killed_by=2)
