"""An update changes the lines that have to change, keeps every reason that somebody wrote, and invents none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.baseline import BaselineError, load_baseline
from attnspec.reports.baseline_update import Update, updated
from attnspec.reports.record import Record

FILE = """\
# Ours.
# A head of two lines.

# Why a.
- law: weights/a
  implementation: mine
  reason: slow path  # by hand
  link: https://example.org/1

# Why b.
- law: weights/b
  implementation: mine
  reason: "#7"
"""


@pytest.fixture
def update(report: Any, tmp_path: Path) -> Any:
    def run(text: str, rows: list[Any], **changed: Any) -> Update:
        found = report(rows)
        found.update(changed)
        return updated(text, Record.of(found).report, tmp_path / "known.yaml")

    return run


def reload(made: Update, tmp_path: Path) -> list[dict[str, Any]]:
    (tmp_path / "known.yaml").write_text(made.text, encoding="utf-8")
    return load_baseline(tmp_path / "known.yaml")


def test_a_new_file_has_no_reason_and_is_refused(update: Any, row: Any, tmp_path: Path) -> None:
    made = update("", [row(verdict="fail"), row("weights/b", "error"), row("heads/c", "fail", level="should")])
    assert made.text.count('  reason: ""  # say why\n') == 2 and "heads/c" not in made.text
    assert (made.kept, made.added, made.removed, len(made.unsaid)) == (0, 2, 0, 2)
    with pytest.raises(BaselineError, match=r"known\.yaml:\d+: has no reason; say why weights/a is known to fail on mine"):
        reload(made, tmp_path)


def test_a_reason_that_was_filled_in_makes_it_readable_and_green(update: Any, row: Any, report: Any, tmp_path: Path) -> None:
    made = update("", [row(verdict="fail")])
    made.text = made.text.replace('""  # say why', "slow path")
    entries = reload(made, tmp_path)
    assert report([row(verdict="fail")], baseline=entries)["baseline_problems"] == []


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_what_fails_sometimes_stays_whether_it_passes_or_not(update: Any, row: Any, verdict: str) -> None:
    text = FILE.replace("law: weights/a", "law: weights/a\n  fails: sometimes", 1)
    made = update(text, [row(verdict=verdict), row(dtype="float16"), row("weights/b", "fail")])
    assert made.text == text and (made.added, made.removed) == (0, 0)


def test_what_still_fails_keeps_its_lines(update: Any, row: Any) -> None:
    made = update(FILE, [row(verdict="fail"), row("weights/b", "fail")])
    assert made.text == FILE and (made.kept, made.added, made.removed, made.said) == (2, 0, 0, [])


def test_what_passes_goes_with_its_comment_and_the_rest_stays(update: Any, row: Any) -> None:
    made = update(FILE, [row(), row("weights/b", "fail")])
    assert made.text == "# Ours.\n# A head of two lines.\n\n# Why b.\n" + FILE.split("# Why b.\n")[1]
    assert any("removed, it passes: law: weights/a" in line and "reason: slow path" in line for line in made.said)
    assert any("its comment is dropped: # Why a." in line for line in made.said)


def test_the_head_of_the_file_is_no_comment_of_an_entry(update: Any, row: Any) -> None:
    made = update("# Head.\n" + FILE[FILE.index("- law: weights/a") :], [row(), row("weights/b", "fail")])
    assert made.text.startswith("# Head.\n") and "weights/a" not in made.text


def test_new_failures_come_at_the_end(update: Any, row: Any) -> None:
    made = update(FILE.split("\n# Why b.")[0], [row(verdict="fail"), row("weights/b", "fail")])
    assert made.text == FILE.split("\n# Why b.")[0] + '\n- law: weights/b\n  implementation: mine\n  reason: ""  # say why\n'


def test_an_entry_of_which_a_part_passes_is_narrowed_with_its_reason(
    update: Any, row: Any, report: Any, tmp_path: Path
) -> None:
    rows = [row(), row("weights/b", "fail"), row("weights/b", "fail", dtype="float16")]
    made = update('- {law: "weights/*", implementation: "m*", reason: "a: b", expires: 2999-01-01}\n', rows)
    entries = reload(made, tmp_path)
    assert [(e["law"], e["dtype"], e["reason"], e["expires"]) for e in entries] == [
        ("weights/b", "float32", "a: b", "2999-01-01"),
        ("weights/b", "float16", "a: b", "2999-01-01"),
    ]
    assert report(rows, baseline=entries)["baseline_problems"] == []


def test_a_dtype_is_named_where_others_pass(update: Any, row: Any, plan: Any) -> None:
    plan["implementations"][0]["dtypes"] = ["float32", "float16"]
    some = update("", [row(verdict="fail"), row(dtype="float16")])
    assert "  dtype: float32\n" in some.text and some.added == 1
    every = update("", [row(verdict="fail"), row(verdict="fail", dtype="float16")])
    assert "dtype" not in every.text.split("law:")[1] and every.added == 1


def test_what_the_run_left_out_stays(update: Any, row: Any) -> None:
    text = "- {law: masks/d, implementation: mine, reason: later}\n"
    made = update(text, [row()])
    assert made.text == text and made.kept == 1


@pytest.mark.parametrize(
    "entry",
    ["{law: weights/z, implementation: mine, reason: slip}", "{law: weights/a, implementation: yours, reason: slip}"],
)
def test_what_matches_nothing_goes(update: Any, row: Any, entry: str) -> None:
    made = update(f"- {entry}\n", [row()])
    assert "slip" not in made.text and made.removed == 1 and "matches nothing" in made.said[0] and "slip" in made.said[0]


def test_an_expired_entry_is_not_renewed(update: Any, row: Any) -> None:
    text = "- {law: weights/a, implementation: mine, reason: slow, expires: 2020-01-31}\n"
    made = update(text, [row(verdict="fail")])
    assert made.text == text and "expired on 2020-01-31 and still fails" in made.said[0]


def test_a_list_in_brackets_is_written_anew(update: Any, row: Any, tmp_path: Path) -> None:
    made = update("[{law: weights/a, implementation: mine, reason: slow}]  # x\n", [row(verdict="fail")])
    assert "comments are dropped" in made.said[0]
    assert [(e["law"], e["reason"]) for e in reload(made, tmp_path)] == [("weights/a", "slow")]


@pytest.mark.parametrize("text", ["[]\n", "# none yet\n[]\n", "", "# none yet\n"])
def test_an_empty_file_takes_entries(update: Any, row: Any, text: str) -> None:
    made = update(text, [row(verdict="fail")])
    assert made.added == 1 and len(made.unsaid) == 1 and ("none yet" in made.text) == ("none yet" in text)


@pytest.mark.parametrize("changed", [{"complete": False}, {"shard": {"number": 1, "of": 2, "whole": 3}}])
def test_a_part_of_a_run_updates_nothing(update: Any, row: Any, changed: dict[str, Any]) -> None:
    with pytest.raises(BaselineError, match="part of a run"):
        update(FILE, [row()], **changed)
