"""A cause as a card: everything once, and on lines that a terminal and a clipboard leave whole."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest

from attnspec.reports.cards import brief_card, card, finding_text
from attnspec.reports.causes import causes
from attnspec.reports.lines import clipped, command, field, paragraph, with_room
from attnspec.reports.record import Record
from attnspec.reports.schema import Result, checked
from attnspec.reports.schema.setting import LawText

CASE = "weights/a?dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=2&d=1&scale=2&causal=1&values=integers&seed=0"

COUNTS = {"matched": 9, "of": 9, "shown": 8}

FOUND = {
    "how": "outputs", "problems": 9, "wrong": 8, "nearest": None, "where": ["only row 0"], "factor": ["twice what is due"],
    "mask": ["due, and kept", "■·   ■+"], "seconds": 1.0,
    "ranked": [
        {"fault": "off-by-one", "title": "One key too many.", "links": ["https://example.org/1"], **COUNTS},
        {"fault": "late", "title": "Late.", "links": [], **COUNTS},
    ],
}  # fmt: skip


@pytest.fixture
def made(report: Any, row: Any) -> dict[str, Any]:
    """Two laws with one cause."""
    shown: dict[str, Any] = {
        "simplest": ["v is 1"],
        "script": "replays/a.py",
        "details": ["1 of 1 entries break it", "off by 3"],
    }
    worst = {"message": "off by 99", "case": "weights/a?sk=40"}
    rows = [row("weights/a", "fail", case=CASE, diagnosis=FOUND, worst_found=worst, **shown)]
    rows += [row("weights/b", "fail", case=None, diagnosis=FOUND, message="off by 7")]
    found: dict[str, Any] = report(rows)
    return found


def one(row: Any, law: Any, address: str) -> str:
    """The card of one result."""
    return finding_text(checked(row, Result, "the result"), checked(law, LawText, "the law"), address)


def test_a_card_says_everything_once(made: dict[str, Any]) -> None:
    [cause] = causes(Record.of(made).report)
    assert card(cause, Record.of(made).report, folder="out/").splitlines() == [
        "off-by-one: One key too many.",
        "  fails     2 laws for mine in float32",
        "  evidence  reproduces this kernel's output on 9/9 problems (8 incorrect)",
        "            equally likely: late",
        "            https://example.org/1",
        "  where     only row 0",
        "  factor    twice what is due",
        "  mask      due, and kept",
        "            ■·   ■+",
        "  law       weights/a: out(p) ≈ 1",
        "  found     off by 3",
        "  worst     off by 99, before the case was made small",
        "  simplest  v is 1",
        "  replay    attnspec replay 'weights/a?dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=2",
        "            &d=1&scale=2&causal=1&values=integers&seed=0' mine.py:mine",
        "  script    out/replays/a.py",
        "  also      weights/b: off by 7",
    ]


def test_a_brief_card_is_a_few_lines(made: dict[str, Any]) -> None:
    [cause] = causes(Record.of(made).report)
    lines = brief_card(cause, Record.of(made).report).splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["off-by-one:", "fails", "found", "replay"]


def test_of_a_refusal_that_did_not_come_it_is_said_who_accepted(report: Any, row: Any, plan: dict[str, Any]) -> None:
    plan["laws"]["interface/refuses-x"] = plan["laws"]["heads/c"]
    details = ["1 of 1 entries break it", "took x", "the kernel accepted it: x.y got it"]
    made = report([row("interface/refuses-x", "fail", level="should", message="took x", details=details)])
    [cause] = causes(Record.of(made).report)
    assert "  details   the kernel accepted it: x.y got it" in brief_card(cause, Record.of(made).report).splitlines()


def test_one_finding_is_a_card_too(made: dict[str, Any], row: Any) -> None:
    law = made["laws"]["weights/a"]
    trace = [
        "Traceback (most recent call last):",
        '  File "/tmp/my kernel.py", line 7, in attend',
        "    return x[0]",
        "KeyError: 'x'",
    ]
    text = one(row(verdict="error", message="raised KeyError: 'x'", details=trace), law, "my kernel.py:mine")
    assert text.splitlines() == [
        "raises KeyError: 'x'",
        "  stops     weights/a for mine in float32",
        "  details   /tmp/my kernel.py:7 in attend: return x[0]",
        "  replay    attnspec replay 'weights/a?dtype=float32&b=1' 'my kernel.py:mine'",
    ]


def test_a_crash_names_its_case_once(row: Any, plan: dict[str, Any]) -> None:
    told = row(verdict="error", message=f"crashed (died of SIGABRT) while running {CASE}", case=CASE, details=["stack: x"])
    lines = one(told, plan["laws"]["weights/a"], "mine.py:mine").splitlines()
    assert lines[:3] == [
        "crashed (died of SIGABRT)",
        "  stops     weights/a for mine in float32",
        "  details   stack: x",
    ]
    assert "".join("".join(lines).split()).count("".join(CASE.split())) == 1


def test_without_a_name_the_law_is_told(row: Any, plan: dict[str, Any]) -> None:
    entries = ["at [0]: 2 against 1, apart by 1", "at [1]: 3 against 1, apart by 2"]
    told = row(verdict="fail", message=entries[0], details=["3 of 9 entries break it", *entries])
    lines = one(told, plan["laws"]["weights/a"], "mine.py:mine").splitlines()
    assert lines[:1] == ["outputs further off than their bound allows"]
    assert lines[2:-1] == [
        "  law       The law weights/a.",
        "  equation  out(p) ≈ 1",
        "  found     at [0]: 2 against 1, apart by 1",
        "  details   3 of 9 entries break it",
        "            at [1]: 3 against 1, apart by 2",
    ]


def test_a_level_below_must_is_said(row: Any, plan: dict[str, Any]) -> None:
    text = one(row(verdict="fail", level="should"), plan["laws"]["weights/a"], "mine.py:mine")
    assert text.startswith("(should) off by 3\n")


def test_a_card_cannot_command_a_terminal(row: Any, plan: dict[str, Any], nasty: str) -> None:
    text = one(row(verdict="fail", message=nasty), plan["laws"]["weights/a"], "mine.py:mine")
    assert r"\x1b[31m" in text and "\x1b" not in text and text.encode("utf-8")


@pytest.mark.parametrize("address", ["mine.py:attend", "/a/folder/with/a/long/name/and/more/of/it/my kernel.py:attend"])
def test_a_command_on_several_lines_is_one_command(address: str) -> None:
    lines = command("attnspec replay", f"'{CASE}'", [shlex.quote(address)], 60)
    told = "attnspec() { printf '%s|' \"$@\"; }\n" + "\n            ".join(lines)
    verb, case, place, _ = subprocess.run(["sh", "-c", told], capture_output=True, text=True, check=True).stdout.split("|")
    assert len(lines) > 2 and (verb, "".join(case.split()), place) == ("replay", CASE, address)
    assert all(len(line) <= 60 or address in line for line in lines)


def test_lines_break_between_words_only() -> None:
    address = "https://example.org/" + "x" * 90
    assert field("where", f"see {address} there", 80) == ["  where     see", f"            {address}", "            there"]
    assert field("mask", ["a   b", "c"], 20, whole=True) == ["  mask      a   b", "            c"]
    assert field("where", "") == [] and paragraph("  one two", 7, indent="    ") == ["  one", "    two"]
    assert with_room("one two\nthree four five", 4, 9) == "one\n  two\nthree four five" and with_room("one", 4, 9) == "one"
    assert clipped("one\n two three", 9) == "one two…" and clipped("one", 9) == "one"
