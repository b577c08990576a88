"""A diff: what is a regression and what is not, what is said first, and when a ratio has moved."""

from __future__ import annotations

import copy
from math import comb
from typing import Any

import pytest

from attnspec.reports.diff import compare, diff_markdown, diff_text
from attnspec.reports.diff.spread import above_chance
from attnspec.reports.schema import Report, checked

BOTH = ("weights/a", "weights/b")


def typed(report: Any) -> Report:
    """As it is when it was read."""
    return checked(report, Report, "the report")


@pytest.fixture
def diff(report: Any, row: Any) -> Any:
    """The comparison of two lists of rows, or of two reports."""

    def run(old: Any, new: Any) -> dict[str, Any]:
        before, after = (x if isinstance(x, dict) else report(x) for x in (old, new))
        return compare(typed(before), typed(after))

    return run


def test_the_same_twice_is_green(diff: Any, row: Any) -> None:
    same = diff([row(), row("weights/b", "fail")], [row(), row("weights/b", "fail")])
    assert same["code"] == 0 and diff_text(same).splitlines()[-1].startswith("no regression; 2 results compared")
    assert not any(same[kind] for kind in ("broke", "fixed", "changed", "moved", "notes", "environment"))


@pytest.mark.parametrize("now", ["fail", "error"])
@pytest.mark.parametrize("was", ["pass", "not-claimed", "inconclusive"])
def test_a_must_law_that_newly_fails_is_the_first_line(diff: Any, row: Any, was: str, now: str) -> None:
    found = diff([row(), row("weights/b", was)], [row(), row("weights/b", now, message="off by 3")])
    first = diff_text(found).splitlines()[0]
    assert first.split(None, 1) == ["broke", f"weights/b on mine in float32, {was} → {now}: off by 3"]
    assert (found["code"], found["regressions"]) == (1, 1)
    assert found["broke"][0]["replay"].startswith("attnspec replay 'weights/b?")


def test_a_known_failure_that_is_known_no_more_is_a_regression(diff: Any, report: Any, row: Any) -> None:
    entry = {"law": "weights/a", "implementation": "mine", "reason": "slow"}
    excused = report([row(verdict="fail")], baseline=[entry])
    found = diff(excused, [row(verdict="fail")])
    assert found["broke"][0]["was"] == "known failure" and found["code"] == 1
    assert diff([row()], excused)["code"] == 0 and diff([row()], excused)["broke"][0]["now"] == "known failure"
    assert diff(excused, [row()])["fixed"][0]["was"] == "known failure"


def test_a_pass_that_is_undecided_is_a_regression(diff: Any, row: Any) -> None:
    assert diff([row()], [row(verdict="inconclusive")])["code"] == 1


def test_a_should_law_is_told_and_not_red(diff: Any, row: Any) -> None:
    found = diff([row(), row("heads/c", level="should")], [row(), row("heads/c", "fail", level="should")])
    assert found["code"] == 0 and "heads/c (should) on mine" in diff_text(found).splitlines()[0]


@pytest.mark.parametrize("was", ["pass", "fail"])
def test_a_dropped_claim_is_a_regression(diff: Any, row: Any, was: str) -> None:
    found = diff([row(), row("weights/b", was)], [row(), row("weights/b", "not-claimed")])
    assert found["code"] == 1 and diff_text(found).startswith("no longer claimed  weights/b")


def test_a_result_that_vanished_is_a_regression(diff: Any, row: Any) -> None:
    found = diff([row(), row("weights/b")], [row()])
    assert (
        found["code"] == 1
        and diff_text(found).splitlines()[0] == f"{'vanished':<19}weights/b on mine in float32, pass → absent"
    )


def test_a_law_that_was_not_claimed_or_that_the_suite_gave_up_may_vanish(diff: Any, row: Any, report: Any) -> None:
    assert diff([row(), row("weights/b", "not-claimed")], [row()])["code"] == 0
    new = copy.deepcopy(report([row()]))
    new["laws"].pop("weights/b")
    new["all_laws"].remove("weights/b")
    found = diff([row(), row("weights/b")], new)
    assert found["code"] == 0 and found["vanished"] and "laws gone: weights/b" in diff_text(found)
    new["all_laws"].append("weights/b")
    assert diff([row(), row("weights/b")], new)["code"] == 1


def test_fixed_and_newly_claimed(diff: Any, row: Any) -> None:
    found = diff([row(verdict="fail"), row("weights/b", "not-claimed")], [row(), row("weights/b")])
    text = diff_text(found)
    assert found["code"] == 0 and text.splitlines()[0] == f"{'fixed':<19}weights/a on mine in float32, fail → pass"
    assert "newly claimed      weights/b on mine in float32, not-claimed → pass" in text


def test_dtypes_of_one_change_stand_on_one_line(diff: Any, row: Any) -> None:
    old = [row(dtype=dtype) for dtype in ("float32", "float16")]
    new = [row(dtype=dtype, verdict="fail") for dtype in ("float32", "float16")]
    first = diff_text(diff(old, new)).splitlines()[0]
    assert "weights/a on mine in float16 and float32, pass → fail" in first


@pytest.mark.parametrize("which", [0, 1])
def test_an_incomplete_report_is_loud_and_not_green(diff: Any, row: Any, report: Any, which: int) -> None:
    pair = [report([row()]), report([row()])]
    pair[which].update(planned=3, complete=False)
    found = diff(*pair)
    assert found["code"] == 1 and f"{('old', 'new')[which]} report is INCOMPLETE: 1 of 3" in diff_text(found).splitlines()[0]
    assert diff_text(found).splitlines()[-1].startswith("not green")


def test_nothing_in_common_is_no_comparison(diff: Any, row: Any) -> None:
    found = diff([row(verdict="not-claimed")], [row("weights/b")])
    assert found["code"] == 2 and diff_text(found).splitlines()[-1].startswith("nothing can be compared")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["attnspec"].update(version="9.9"), "the suites differ"),
        (lambda r: r["attnspec"].update(spec="0" * 16), "the specs differ"),
        (lambda r: r.update(seed=7), "the seeds differ: 0, then 7"),
        (lambda r: r["budget"].update(name="deep"), "the budgets differ"),
        (lambda r: r.update(dtype="float32"), "the dtypes asked for differ: all, then float32"),
        (lambda r: r.update(shard={"number": 1, "of": 2, "whole": 2}), "merge shards"),
    ],
)
def test_what_is_not_the_same_question_is_said_at_the_top(diff: Any, row: Any, report: Any, change: Any, said: str) -> None:
    new = copy.deepcopy(report([row()]))
    change(new)
    found = diff([row()], new)
    assert said in diff_text(found).splitlines()[0] and said in diff_markdown(found).splitlines()[2]
    assert found["code"] == 0


def test_environment_and_declarations(diff: Any, row: Any, report: Any) -> None:
    old, new = report([row()]), report([row()])
    new["environment"]["packages"]["numpy"] = "99.0"
    new["implementations"][0]["conventions"] = {"empty_rows": {"choice": "nan", "how": "probed"}}
    old["implementations"][0]["claims"] = ["deterministic"]
    lines = diff(old, new)["environment"]
    assert "mine: claims gone: deterministic" in lines and "mine: empty_rows not settled → nan" in lines
    assert any(line.startswith("numpy ") and line.endswith("→ 99.0") for line in lines)


def ratios(problems: str, *largest: float, count: int | None = None) -> dict[str, Any]:
    return {
        "worst_ratio": max(largest),
        "ratios": {"problems": problems * 16, "count": count or len(largest), "largest": sorted(largest, reverse=True)},
    }


def test_on_the_same_problems_any_change_is_a_change(diff: Any, row: Any) -> None:
    still = diff([row(**ratios("a", 0.25))], [row(**ratios("a", 0.25))])
    moved = diff([row(**ratios("a", 0.25))], [row(**ratios("a", 0.25 + 2**-50))])
    assert still["moved"] == [] and moved["moved"][0]["direction"] == "worse" and moved["code"] == 0
    assert "0.250000000" in diff_text(moved).splitlines()[0]
    assert diff([row(**ratios("a", 0.5))], [row(**ratios("a", 0.25))])["moved"][0]["direction"] == "better"


@pytest.mark.parametrize(
    ("now", "level", "code", "said"),
    [
        (
            0.3,
            "must",
            1,
            "no regression, but 1 ratio of must-laws became worse (--strict); 1 result compared, 1 ratio (1 worse, 0 better)",
        ),
        (0.2, "must", 0, "no regression; 1 result compared, 1 ratio (0 worse, 1 better)"),
        (0.3, "should", 0, "no regression; 1 result compared, 1 ratio (1 worse, 0 better)"),
        (0.25, "must", 0, "no regression; 1 result compared, 1 ratio"),
    ],
)
def test_a_ratio_that_is_worse_is_red_where_that_is_asked_for(
    report: Any, row: Any, now: float, level: str, code: int, said: str
) -> None:
    was, new = (typed(report([row(level=level, **ratios("a", ratio))])) for ratio in (0.25, now))
    assert compare(was, new)["code"] == 0
    strict = compare(was, new, strict=True)
    assert strict["code"] == code and diff_text(strict).splitlines()[-1] == said
    assert diff_markdown(strict).startswith("### ❌" if code else "### ✅")


def test_on_other_problems_only_what_leaves_the_spread_is_a_move(diff: Any, row: Any) -> None:
    low, high = [0.01 * i for i in range(1, 31)], [0.01 * i for i in range(31, 61)]
    inside = [0.011 * i for i in range(1, 31)]
    assert diff([row(**ratios("a", *low))], [row(**ratios("b", *inside))])["moved"] == []
    [up] = diff([row(**ratios("a", *low))], [row(**ratios("b", *high))])["moved"]
    [down] = diff([row(**ratios("a", *high))], [row(**ratios("b", *low))])["moved"]
    assert (up["direction"], up["how"], down["direction"]) == ("worse", "other problems", "better")


def test_too_few_problems_and_no_record_are_said(diff: Any, row: Any) -> None:
    few = diff([row(**ratios("a", 0.1, 0.2))], [row(**ratios("b", 0.8, 0.9))])
    assert few["moved"] == [] and few["ratios"]["too few problems"] == 1 and "too few to tell a move" in diff_text(few)
    none = diff([row()], [row(worst_ratio=0.9)])
    assert none["moved"] == [] and none["ratios"]["no record"] == 1 and "does not record" in diff_text(none)


def test_another_numpy_draws_other_values(diff: Any, row: Any, report: Any) -> None:
    new = report([row(**ratios("a", 0.3))])
    new["environment"]["packages"]["numpy"] = "99.0"
    found = diff([row(**ratios("a", 0.2))], new)
    assert found["moved"] == [] and found["ratios"]["too few problems"] == 1


@pytest.mark.parametrize(("k", "fresh", "other"), [(0, 3, 4), (2, 3, 4), (3, 3, 4), (12, 12, 12), (16, 30, 30), (4, 3, 9)])
def test_the_chance_is_the_count_of_orders(k: int, fresh: int, other: int) -> None:
    due = comb(fresh + other - k, other) / comb(fresh + other, other) if k <= fresh else 0.0
    assert above_chance(k, fresh, other) == pytest.approx(due, rel=2**-40)


def test_markdown_is_safe_and_short(diff: Any, row: Any) -> None:
    wild = "<b>|x| @someone `code` [a](b)\nsecond"
    text = diff_markdown(diff([row()], [row(verdict="fail", message=wild)]))
    assert text.startswith("### ❌ attnspec diff: 1 regression")
    [line] = [line for line in text.splitlines() if line.startswith("| weights/a")]
    assert "<b>" not in line and line.replace("\\|", "").count("|") == 6 and "@" not in line and "second" in line
    assert text.count("<details>") == text.count("</details>") == 1
    assert len(diff_markdown(diff([row()], [row(verdict="error", message="x" * 100_000)]))) < 2_000
