"""Every form says how and where implementations ran."""

from __future__ import annotations

from typing import Any

from attnspec.reports.modes import mode_lines
from attnspec.reports.record import Record


def test_a_line_for_each_mode_and_device_with_the_programs_that_were_compiled(
    report: Any, row: Any, plan: dict[str, Any]
) -> None:
    ran = {"mine": ("eager", "cpu"), "other": ("eager", "cuda"), "fast": ("compiled", "cpu"), "slow": ("compiled", "cpu")}
    [made] = plan["implementations"]
    plan["implementations"] = [{**made, "name": name, "mode": mode, "device": device} for name, (mode, device) in ran.items()]
    plan["budget"] |= {"examples": 6, "costly": 1}
    results = [
        row("a/b"),
        row("a/b", implementation="fast", compilations=1200),
        row("a/c", implementation="fast", compilations=34),
        row("a/b", implementation="slow", compilations=0),
    ]
    assert mode_lines(Record.of(report(results)).report) == [
        "eager on cpu, 6 problems a law: mine",
        "eager on cuda, 6 problems a law: other",
        "compiled on cpu, 1 problem a law: fast (1,234 programs), slow",
    ]
