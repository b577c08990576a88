"""What a reader sees: findings, table, summary."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from attnspec.reports.findings import replay_command, skip_reason
from attnspec.reports.record import Record
from attnspec.reports.schema import Result, checked
from attnspec.reports.schema.setting import LawText
from attnspec.reports.summary import print_summary, summary_text
from attnspec.reports.table import chapter_tables, worst_ratio


def told(row: Any) -> Result:
    return checked(row, Result, "the result")


def test_a_law_of_a_user_is_replayed_with_its_file(plan: dict[str, Any]) -> None:
    law = checked({**plan["laws"]["weights/a"], "shipped": False, "file": "/home/me/extra.yaml"}, LawText, "the law")
    assert replay_command("x/y?b=1", law, "mine.py:mine").endswith("mine.py:mine --laws-file /home/me/extra.yaml")


def test_one_error_of_many_laws_is_told_once(report: Any, row: Any) -> None:
    errors = [row(law, "error", message="raised KeyError: 'x'") for law in ("weights/a", "weights/b", "heads/c")]
    text = summary_text(Record.of(report(errors)).report)
    assert text.count("KeyError") == 1 and "  also      weights/b, heads/c" in text


def test_skip_reasons(row: Any) -> None:
    assert skip_reason(told(row(verdict="not-claimed", message="no causal"))) == "not-claimed: no causal"
    assert skip_reason(told(row(verdict="inconclusive", reasons={"bound is infinite": 2}))) == (
        "inconclusive: bound is infinite (2 problems)"
    )


def test_the_table_counts_what_was_decided(report: Any, row: Any) -> None:
    rows = [row("weights/a"), row("weights/b", "fail", worst_ratio=7.0), row("heads/c", "not-claimed", worst_ratio=None)]
    text = summary_text(Record.of(report(rows)).report)
    assert text.splitlines()[1] == "mine: decided 2 of 3 laws"
    lines = [line.split() for line in text.splitlines()]
    assert ["weights", "worst"] in lines and ["mine", "1/2", "0.25"] in lines


def test_a_wide_table_goes_on_below_with_whole_headings(report: Any, row: Any, plan: dict[str, Any]) -> None:
    made = plan["implementations"][0]
    plan["implementations"] = [{**made, "name": name} for name in ("mine", "a-longer-name")]
    plan["laws"] = {f"chapter-{n}/a": plan["laws"]["weights/a"] for n in range(12)}
    tables = chapter_tables(Record.of(report([row(law, implementation="a-longer-name") for law in plan["laws"]])).report, 80)
    text = "\n".join(line.plain for block in tables for line in block)
    assert len(tables) == 3 and {len(block) for block in tables} == {3} and max(map(len, text.splitlines())) <= 80
    assert all(f"chapter-{n}" in text for n in range(12)) and text.count("a-longer-name") == 3
    assert abs(len(tables[0][0]) - len(tables[-1][0])) < 20


def test_each_operation_has_a_table_with_its_own_chapters(report: Any, row: Any, plan: dict[str, Any]) -> None:
    made = plan["implementations"][0]
    plan["implementations"] = [made, {**made, "name": "recurrent", "operation": "linear_attention"}]
    plan["laws"]["linear/x"] = plan["laws"]["weights/a"]
    first, second = chapter_tables(Record.of(report([row(), row("linear/x", implementation="recurrent")])).report, 80)
    assert first[0].plain.split() == ["weights", "worst"] and second[0].plain.split() == ["linear", "worst"]


def test_the_worst_ratio_is_that_of_laws_that_passed(row: Any) -> None:
    rows = [row(worst_ratio=0.1), row(worst_ratio="inf", verdict="fail"), row(worst_ratio=0.9)]
    assert worst_ratio([told(each) for each in rows]) == 0.9
    assert worst_ratio([told(row(worst_ratio=None))]) is None


def test_the_summary_ends_with_the_sentence_that_matters(report: Any, row: Any) -> None:
    conventions = {"mine": {"empty_rows": {"choice": "zeros", "how": "probed"}}}
    text = summary_text(Record.of(report([row(), row("weights/b")], conventions=conventions)).report)
    assert "  mine: empty_rows zeros (probed)" in text
    assert "  mine conforms to core: yes" in text
    assert text.splitlines()[-2:] == ["3 laws, 1 implementation: 2 pass", "every claimed must-law holds"]


def test_quick_says_so(report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["budget"]["name"] = "quick"
    text = summary_text(Record.of(report([row()])).report)
    assert "quick: not a conformance result" in text and "conforms to core: yes" not in text


def test_brackets_are_text_not_markup(report: Any, row: Any) -> None:
    text = summary_text(Record.of(report([row(verdict="error", message="raised KeyError: [red]x[/red] [mine]")])).report)
    assert "[red]x[/red] [mine]" in text


def test_what_was_given_up_is_one_line(report: Any, row: Any) -> None:
    message = "not run: mine crashed or hung 3 times in this run"
    rows = [row(law, "error", message=message) for law in ("weights/a", "weights/b")]
    text = summary_text(Record.of(report(rows)).report)
    assert text.count("not run") == 1 and "2 results not run: mine crashed or hung 3 times" in text


def test_many_causes_of_one_implementation_are_cut(report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["laws"] = {f"weights/{n}": plan["laws"]["weights/a"] for n in "abcdefghijklmnop"}
    text = summary_text(Record.of(report([row(law, "fail", message=f"wrong by {law[-1] * 3}") for law in plan["laws"]])).report)
    assert text.count("  equation  ") == 3 and text.count("  fails     ") == 3 + 8
    assert "further causes: 5\n" in text and "  weights/p for mine in float32: wrong by ppp" in text


def test_the_summary_fits_eighty_columns(report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["implementations"][0] |= {"notes": ["word " * 40], "options": ["causal"]}
    long = "word " * 40
    rows = [row("weights/a", "fail", message=long, details=[long], simplest=[long]), row("weights/b", "error", message=long)]
    conventions = {"mine": {f"convention-{n}": {"choice": "zeros", "how": "probed"} for n in range(9)}}
    lines = summary_text(Record.of(report(rows, conventions=conventions)).report).splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) > 30


def test_what_others_wrote_cannot_command_a_terminal(report: Any, row: Any, nasty: str) -> None:
    rows = [row("weights/a", "fail", message=nasty, details=[nasty]), row("weights/b", "error", message=nasty)]
    text = summary_text(Record.of(report(rows)).report)
    assert "\x1b" not in text and "\x00" not in text and r"\x1b[31mred\x00" in text and text.encode()


def test_nothing_names_a_file_that_was_not_written(report: Any, row: Any) -> None:
    made = report([row(verdict="fail", script="replays/x.py")])
    text = StringIO()
    print_summary(Record.of(made).report, Console(file=text, width=80))
    assert "replays" not in text.getvalue() and "report.json" not in text.getvalue()
    assert "script out/replays/x.py" in _printed(made, "out/")


def _printed(report: Any, folder: str) -> str:
    text = StringIO()
    print_summary(Record.of(report).report, Console(file=text, width=80), folder=folder)
    return " ".join(text.getvalue().split())


def test_known_failures_are_lines_with_their_reason(report: Any, row: Any) -> None:
    entry = {"law": "weights/*", "implementation": "mine", "reason": "slow path"}
    text = summary_text(Record.of(report([row("weights/a", "fail"), row("weights/b", "fail")], baseline=[entry])).report)
    assert "known failures, which the baseline expects: 1\n  2 laws for mine in float32: slow path\n" in text
