"""What a reader sees: findings, table, summary."""

from __future__ import annotations

from typing import Any

from attnspec.reports.findings import finding_text, findings, replay_command, skip_reason
from attnspec.reports.summary import summary_text
from attnspec.reports.table import worst_ratio


def test_a_finding_says_everything(row: Any, plan: dict[str, Any]) -> None:
    text = finding_text(
        row(verdict="fail"), plan["laws"]["weights/a"], "my kernel.py:mine", others=[row(verdict="fail", dtype="float16")]
    )
    assert text.splitlines() == [
        "weights/a does not hold for mine in float32 and float16",
        "  law       The law weights/a.",
        "  equation  out(p) ≈ 1",
        "  found     off by 3",
        "  case      weights/a?dtype=float32&b=1",
        "            at (0, 0)",
        "  replay    attnspec replay 'weights/a?dtype=float32&b=1' 'my kernel.py:mine'",
    ]


def test_a_law_of_a_user_is_replayed_with_its_file(plan: dict[str, Any]) -> None:
    law = {**plan["laws"]["weights/a"], "shipped": False, "file": "/home/me/extra.yaml"}
    assert replay_command("x/y?b=1", law, "mine.py:mine").endswith("mine.py:mine --laws-file /home/me/extra.yaml")


def test_findings_are_grouped_by_dtype_and_must_laws_come_first(report: Any, row: Any) -> None:
    found = findings(
        report(
            [
                row("heads/c", "fail", level="should"),
                row("weights/a", "fail"),
                row("weights/a", "fail", dtype="float16"),
                row("weights/a", "error", dtype="bfloat16"),
                row("weights/b"),
            ]
        )
    )
    assert [[(r["law"], r["dtype"]) for r in rows] for rows in found] == [
        [("weights/a", "float32"), ("weights/a", "float16")],
        [("weights/a", "bfloat16")],
        [("heads/c", "float32")],
    ]


def test_one_error_of_many_laws_is_told_once(report: Any, row: Any) -> None:
    errors = [row(law, "error", message="raised KeyError: 'x'") for law in ("weights/a", "weights/b", "heads/c")]
    text = summary_text(report(errors))
    assert text.count("KeyError") == 1 and "  so too    weights/b, heads/c" in text


def test_skip_reasons(row: Any) -> None:
    assert skip_reason(row(verdict="not-claimed", message="no causal")) == "not-claimed: no causal"
    assert skip_reason(row(verdict="inconclusive", reasons={"bound is infinite": 2})) == (
        "inconclusive: bound is infinite (2 problems)"
    )


def test_the_table_counts_what_was_decided(report: Any, row: Any) -> None:
    rows = [row("weights/a"), row("weights/b", "fail", worst_ratio=7.0), row("heads/c", "not-claimed", worst_ratio=None)]
    lines = summary_text(report(rows)).splitlines()
    assert lines[1] == "mine: decided 2 of 3 laws"
    assert lines[3].split() == ["implementation", "weights", "heads", "worst"]
    assert lines[4].split() == ["mine", "1/2", "–", "0.25"]


def test_the_worst_ratio_is_that_of_laws_that_passed(row: Any) -> None:
    assert worst_ratio([row(worst_ratio=0.1), row(worst_ratio="inf", verdict="fail"), row(worst_ratio=0.9)]) == 0.9
    assert worst_ratio([row(worst_ratio=None)]) is None


def test_the_summary_ends_with_the_sentence_that_matters(report: Any, row: Any) -> None:
    conventions = {"mine": {"empty_rows": {"choice": "zeros", "how": "probed"}}}
    text = summary_text(report([row(), row("weights/b")], conventions=conventions))
    assert "  mine: empty_rows zeros (probed)" in text
    assert "  mine conforms to core: yes" in text
    assert text.splitlines()[-2:] == ["3 laws, 1 implementation: 2 pass", "every claimed must-law holds"]


def test_quick_says_so(report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["budget"]["name"] = "quick"
    text = summary_text(report([row()]))
    assert "quick: not a conformance result" in text and "conforms to core: yes" not in text


def test_brackets_are_text_not_markup(report: Any, row: Any) -> None:
    text = summary_text(report([row(verdict="error", message="raised KeyError: [red]x[/red] [mine]")]))
    assert "[red]x[/red] [mine]" in text


def test_what_was_given_up_is_one_line(report: Any, row: Any) -> None:
    message = "not run: mine crashed or hung 3 times in this run"
    text = summary_text(report([row("weights/a", "error", message=message), row("weights/b", "error", message=message)]))
    assert text.count("not run") == 1 and "2 results not run: mine crashed or hung 3 times" in text


def test_many_findings_of_one_implementation_are_cut(report: Any, row: Any, plan: dict[str, Any]) -> None:
    laws = {f"weights/{n}": {**plan["laws"]["weights/a"]} for n in "abcdefgh"} if "weights/a" in plan["laws"] else {}
    plan["laws"].update(laws)
    text = summary_text(report([row(f"weights/{n}", "fail", message=f"wrong by {n}") for n in "abcdefgh"]))
    assert text.count("does not hold for") == 3
    assert "5 more laws that do not hold for mine, in full in report.json" in text
    assert text.count("\n  weights/") == 5 and "  weights/h: wrong by h" in text
