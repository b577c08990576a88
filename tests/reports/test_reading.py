"""What is handed over as a report is held to the schema before it is believed, and what breaks it is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports import write
from attnspec.reports.reading import ReportError, given_report
from attnspec.reports.record import Record
from attnspec.reports.write import ResultStream, write_report

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def given(report: Any, row: Any, tmp_path: Path) -> Callable[[Change], Record]:
    """Reads a report of three results that was changed by hand."""

    def read(change: Change) -> Record:
        made = report([row(), row("weights/b", "fail"), row("heads/c", level="should")])
        change(made)
        (tmp_path / "made.json").write_text(json.dumps(made), encoding="utf-8")
        return given_report(str(tmp_path / "made.json"))

    return read


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("deep.json", b"[" * 200_000, "deep.json: is no report: it nests too deeply"),
        ("cut.json.gz", gzip.compress(b'{"format": 1}', mtime=0)[:-6], "cut.json.gz: is no report: it is cut short"),
    ],
)
def test_what_cannot_be_unpacked_is_one_sentence(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReportError, match=said):
        given_report(str(tmp_path / name))


def test_a_report_that_keeps_the_schema_is_read(given: Any) -> None:
    assert [row.verdict for row in given(lambda r: None).report.results] == ["pass", "fail", "pass"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.update(format=0), "made.json: has format 0, and this version of attnspec reads 1; make it anew"),
        (lambda r: r.update(format="x" * 99), 'has format "xxxxx'),
        (lambda r: r.pop("planned"), "is JSON, but no report"),
        (lambda r: r.pop("seed"), "the report: object missing required field `seed`"),
        (lambda r: r.update(results=3), "results: expected `array`, and there stands 3"),
        (lambda r: r["implementations"].append(1), "implementations/1: expected `object`, and there stands 1"),
        (lambda r: r["results"][0].update(verdict="fine"), "results/0/verdict: invalid enum value 'fine'"),
        (lambda r: r["results"][2].update(verdict="fine"), "results/2/verdict: invalid enum value 'fine'"),
        (lambda r: r["results"][1].pop("message"), "results/1: object missing required field `message`"),
        (lambda r: r["results"][1].update(reasons=7), "results/1/reasons: expected `object`, and there stands 7"),
        (lambda r: r["results"][2].update(reasons={"a": 1, "b": -2, "c": 3}), "results/2/reasons/b: expected `int` >= 0"),
        (lambda r: r["laws"]["weights/b"].update(line="3"), "laws/weights/b/line: expected `int`, and there stands '3'"),
        (lambda r: r["laws"].update({"weights/a": "x\n" * 900}), "laws/weights/a: expected `object`, and there stands 'x"),
        (lambda r: r["results"][0].update(verdict="a\nb"), r"results/0/verdict: invalid enum value 'a\nb'"),
        (lambda r: r["results"][0].update(verdict="\ud800"), r"the report: there is no name or choice '\ud800'"),
        (lambda r: r["results"][0].update(diagnosis={"how": "law"}), "results/0/diagnosis: object missing required field"),
        (lambda r: r.update({"x - at `$.y[...]": 1}), "the report: object contains unknown field `x - at `$.y[...]`"),
        (lambda r: r["results"][1].update(dtype="float16"), "weights/b on mine in float16, which it does not describe"),
        (lambda r: r["results"][1].update(law="weights/z"), "weights/z on mine in float32, which it does not describe"),
        (lambda r: r["results"][1].update(law="weights/a"), "two results of one law"),
        (
            lambda r: r["results"][1].update(level="may"),
            "as of level may, and describes it as must",
        ),
        (lambda r: r.update(planned=4), "it says that it is complete, and 3 of 4 results are there"),
        (lambda r: r["results"].pop(), "it says that it is complete, and 2 of 3 results are there"),
    ],
)
def test_what_breaks_it_is_named(given: Any, change: Change, said: str) -> None:
    with pytest.raises(ReportError) as raised:
        given(change)
    assert said in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00"])
def test_what_is_no_json_or_no_report(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ReportError, match=r"x\.json: is (no report|JSON, but no report)"):
        given_report(str(tmp_path / "x.json"))


@pytest.mark.parametrize("left", [{"plan.json": b"[]"}, {"results.jsonl": b"[]\n"}, {"plan.json": b"{"}])
def test_what_is_left_of_a_run_and_broken(report: Any, tmp_path: Path, left: dict[str, bytes]) -> None:
    ResultStream(tmp_path, report([])).close()
    for name, content in left.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ReportError, match=r"is what is left of a run|is no report"):
        given_report(str(tmp_path))


def test_what_is_left_of_a_run_of_another_version_says_which(report: Any, row: Any, tmp_path: Path) -> None:
    stream = ResultStream(tmp_path, {**report([]), "format": 0})
    stream.add(row())
    stream.close()
    with pytest.raises(ReportError, match="has format 0, and this version of attnspec reads 1; make it anew"):
        given_report(str(tmp_path))


def test_a_merged_report_is_not_taken_for_the_run_that_was_begun_over_it(report: Any, row: Any, tmp_path: Path) -> None:
    """A folder of a merge has no results.jsonl; its report and badge are of another run all the same."""
    (tmp_path / "notes.md").write_text("mine", encoding="utf-8")
    write_report(report([row()]), tmp_path)
    (tmp_path / "badge.svg").write_text("green", encoding="utf-8")
    ResultStream(tmp_path, report([], planned=3)).close()
    assert {file.name for file in tmp_path.iterdir()} == {"notes.md", "plan.json", "results.jsonl"}
    assert given_report(str(tmp_path)).report.planned == 3
    write_report(report([row()]), tmp_path / "other")
    (tmp_path / "other" / "report.html").write_text("old", encoding="utf-8")
    write_report(report([row(verdict="fail")]), tmp_path / "other")
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["report.json"]


def test_a_packed_report_is_not_unpacked_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "LARGEST", 1 << 20)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b" " * (8 << 20)))
    with pytest.raises(ReportError, match=r"bomb\.json\.gz: is no report: it unpacks to more than 1 MiB"):
        given_report(str(tmp_path / "bomb.json.gz"))
