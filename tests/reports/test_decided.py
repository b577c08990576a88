"""How much was decided, what was refused, and when that is too little."""

from __future__ import annotations

from typing import Any

from attnspec.reports.decided import decided_lines, refusal_lines, told, too_little
from attnspec.reports.model import outcome
from attnspec.reports.record import Record


def of(report: Any, rows: list[Any], **more: Any) -> dict[str, Any]:
    """A report of rows about laws of core, as a run of the whole makes it."""
    made: dict[str, Any] = report(rows)
    made["narrowed"] = False
    made["profiles"] = {"core": {"about": "", "must": {row["law"]: row["operation"] for row in rows}}}
    return {**made, **more}


def test_a_law_counts_as_decided_where_it_passed_or_failed_in_some_dtype(report: Any, row: Any) -> None:
    rows = [
        row("weights/a"),
        row("weights/b", "fail"),
        row("weights/c", "not-claimed", message="window is not an option of it"),
        row("weights/d", "inconclusive"),
        row("weights/e", "error"),
    ]
    name = rows[0]["implementation"]
    assert decided_lines(Record.of(of(report, rows)).report) == [f"{name}: decided 2 of 5 laws"]


def test_reports_and_implementations_say_it_in_the_same_words() -> None:
    from attnspec.adapters import takes
    from attnspec.reports import decided

    assert takes.ALWAYS == decided.ALWAYS


def test_laws_about_calls_that_a_kernel_does_not_have_are_not_counted(report: Any, row: Any) -> None:
    rows = [row("weights/a"), row("weights/b", "not-claimed", message="always has causal=True")]
    assert decided_lines(Record.of(of(report, rows)).report) == [f"{rows[0]['implementation']}: decided 1 of 1 law"]
    assert too_little(Record.of(of(report, rows)).report) == []


def test_a_run_that_decided_less_than_half_is_not_green_and_says_what_stood_in_the_way(report: Any, row: Any) -> None:
    refused = "does not take grouped heads (Hq ≠ Hkv): ValueError: no"
    rows = [
        row("weights/a"),
        row("weights/b", "not-claimed", message=refused),
        row("weights/c", "not-claimed", message=refused),
    ]
    code, sentence = outcome(Record.of(of(report, rows)).report)
    assert code == 1 and sentence.startswith("too little was decided: ")
    assert "decided 1 of 3 laws that core asks for" in sentence and refused in sentence
    assert outcome(Record.of(of(report, rows, narrowed=True)).report)[0] == 0
    assert outcome(Record.of(of(report, rows[:2])).report)[0] == 0  # One of two is half.


def test_a_refusal_is_one_line(report: Any, row: Any) -> None:
    made = of(report, [row("weights/a")])
    name = made["implementations"][0]["name"]
    made["implementations"][0]["refusals"] = [
        {"sentence": "does not take Sk = 0", "words": "ValueError: " + "very long " * 30},
        {"sentence": "always has causal=True", "words": ""},
    ]
    first, second = refusal_lines(Record.of(made).report)
    assert first.startswith(f"{name} does not take Sk = 0: ValueError: very long") and first.endswith(" …") and len(first) < 160
    assert second == f"{name} always has causal=True (declared)"
    assert told("does not take Dv ≠ D", "TypeError: no") == "does not take Dv ≠ D: TypeError: no"
