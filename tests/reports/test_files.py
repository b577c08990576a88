"""Reports on disk: the schema, the stream of a run that is killed, and what happens to infinities."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import attnspec.reports
from attnspec.reports.environment import environment, spec_hash
from attnspec.reports.formats import rendered
from attnspec.reports.model import outcome, report_head, with_conventions
from attnspec.reports.record import Record
from attnspec.reports.write import ResultStream, read_report, read_results, write_report


@pytest.fixture(scope="module")
def schema() -> Any:
    text = (Path(attnspec.reports.__file__).parent / "schema" / "report.schema.json").read_text(encoding="utf-8")
    loaded = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def test_a_report_keeps_the_schema(report: Any, row: Any, schema: Any, tmp_path: Path) -> None:
    conventions = {"mine": {"empty_rows": {"choice": "zeros", "how": "probed"}}}
    entry = {"law": "weights/b", "implementation": "mine", "reason": "slow path"}
    rows = [row(worst_ratio=float("inf")), row("weights/b", "fail", worst_ratio=float("nan"))]
    write_report(report(rows, conventions=conventions, baseline=[entry]), tmp_path)
    schema.validate(read_report(tmp_path))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("seed"),
        lambda r: r.update(surprise=1),
        lambda r: r["results"][0].update(verdict="skipped"),
        lambda r: r["results"][0].pop("worst_case"),
        lambda r: r["results"][0].update(law="weights"),
        lambda r: r["attnspec"].update(spec="unknown"),
    ],
)
def test_the_schema_can_fail(report: Any, row: Any, schema: Any, spoil: Any) -> None:
    found = report([row()])
    schema.validate(found)
    spoil(found)
    assert not schema.is_valid(found)


@pytest.fixture
def head(plan: dict[str, Any]) -> dict[str, Any]:
    """What is known of a run of three results before the first."""
    return report_head(plan=plan, planned=3, baseline=[{"law": "weights/b", "implementation": "mine", "reason": "slow path"}])


def test_a_killed_run_leaves_its_results(row: Any, head: Any, tmp_path: Path) -> None:
    stream = ResultStream(tmp_path / "deep" / "out", head)
    stream.add(row("weights/a", message="one\u2028two\x85three"))
    stream.add(row("weights/b", "fail", worst_ratio=float("inf")))
    with (tmp_path / "deep" / "out" / "results.jsonl").open("ab") as file:
        file.write('{"law": "weights/c", "message": "off by ≈'.encode()[:-1])  # cut within a letter
    found = read_results(tmp_path / "deep" / "out")
    assert [(r["law"], r["worst_ratio"]) for r in found] == [("weights/a", 0.25), ("weights/b", "inf")]


def test_a_killed_run_is_read_as_an_incomplete_report(row: Any, head: Any, schema: Any, tmp_path: Path) -> None:
    stream = ResultStream(tmp_path, head)
    stream.add(row("weights/a"))
    stream.plan(with_conventions(head, {"mine": {"empty_rows": {"choice": "zeros", "how": "probed"}}}))
    stream.add(row("weights/b", "fail"))
    found = read_report(tmp_path)
    schema.validate(found)
    assert not found["complete"] and found["implementations"][0]["conventions"]["empty_rows"]["choice"] == "zeros"
    assert found["verdict"] == "INCOMPLETE: 2 of 3 results; nothing is certified"
    assert found["results"][1]["known"] == "slow path" and not any(entry["conforms"] for entry in found["verdicts"])
    assert outcome(Record.of(found).report) == (1, "the run is not complete: 2 of 3 results")


def test_a_case_that_came_twice_counts_once(row: Any, head: Any, tmp_path: Path) -> None:
    stream = ResultStream(tmp_path, head)
    stream.add(row("weights/a"))
    stream.add(row("weights/a", "error"))
    assert [r["verdict"] for r in read_results(tmp_path)] == ["error"]


def test_a_report_ends_the_stream(report: Any, row: Any, head: Any, tmp_path: Path) -> None:
    ResultStream(tmp_path, head).add(row("weights/a"))
    write_report(report([row()]), tmp_path)
    assert read_report(tmp_path)["complete"] and not (tmp_path / "plan.json").exists()


def test_a_new_run_does_not_keep_the_old_report(report: Any, row: Any, head: Any, tmp_path: Path) -> None:
    ResultStream(tmp_path, head).add(row())
    write_report(report([row()]), tmp_path)
    (tmp_path / "badge.svg").write_text("green", encoding="utf-8")
    (tmp_path / "notes.md").write_text("mine", encoding="utf-8")
    ResultStream(tmp_path, head).close()
    assert {file.name for file in tmp_path.iterdir()} == {"notes.md", "plan.json", "results.jsonl"}
    assert not read_report(tmp_path)["results"]


def test_half_a_surrogate_pair_can_be_written_and_read(report: Any, row: Any, tmp_path: Path) -> None:
    write_report(report([row(message="raised OSError: \udcff")]), tmp_path)
    assert read_report(tmp_path)["results"][0]["message"] == "raised OSError: \udcff"


def test_a_report_has_a_line_for_each_result(report: Any, row: Any, tmp_path: Path) -> None:
    for rows in ([], [row()], [row(), row("weights/b", "fail", message='"results": []')]):
        made = report(rows)
        text = write_report(made, tmp_path).read_text(encoding="utf-8")
        assert json.loads(text) == made and text == rendered(Record.of(made), "json")
        lines = [line for line in text.splitlines() if '"worst_case"' in line]
        assert [json.loads(line.rstrip(","))["law"] for line in lines] == [r["law"] for r in rows]


def test_every_number_is_json_for_strict_readers(report: Any, row: Any, tmp_path: Path) -> None:
    path = write_report(report([row(worst_ratio=float("inf"))]), tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_environment_names_what_is_installed() -> None:
    found = environment()
    assert found["cpus"] >= 1 and "numpy" in found["packages"]  # type: ignore[operator]


def test_the_hash_is_of_the_spec_files() -> None:
    from hashlib import sha256

    from attnspec.conformance.language.loading import spec_folder

    folder, digest = spec_folder(), sha256()
    files = [path for path in folder.rglob("*") if path.suffix in (".yaml", ".json") and path.name != "suite.yaml"]
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    for name, data in sorted(found.items()):
        digest.update(name.encode() + b"\0" + data + b"\0")
    assert len(found) > 5 and spec_hash()["spec"] == digest.hexdigest()[:16]


def test_a_packed_report_is_read_from_its_file_and_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "report.json.gz").write_bytes(gzip.compress(b'{"complete": true}'))
    assert read_report(tmp_path) == read_report(tmp_path / "report.json.gz") == {"complete": True}
    (tmp_path / "report.json").write_text('{"complete": false}', encoding="utf-8")
    assert read_report(tmp_path) == {"complete": False}
