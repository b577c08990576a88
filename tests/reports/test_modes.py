"""Every form says how and where implementations ran."""

from __future__ import annotations

from typing import Any

from attnspec.reports.modes import mode_lines


def test_a_line_for_each_mode_and_device_with_the_programs_that_were_compiled(row: Any) -> None:
    made = [
        {"name": "mine", "mode": "eager", "device": "cpu"},
        {"name": "other", "mode": "eager", "device": "cuda"},
        {"name": "fast", "mode": "compiled", "device": "cpu"},
        {"name": "slow", "mode": "compiled", "device": "cpu"},
    ]
    results = [
        row("a/b"),
        row("a/b", implementation="fast", compilations=1200),
        row("a/c", implementation="fast", compilations=34),
        row("a/b", implementation="slow", compilations=0),
    ]
    report = {"implementations": made, "results": results, "budget": {"examples": 6, "costly": 1}}
    assert mode_lines(report) == [
        "eager on cpu, 6 problems a law: mine",
        "eager on cuda, 6 problems a law: other",
        "compiled on cpu, 1 problem a law: fast (1,234 programs), slow",
    ]
