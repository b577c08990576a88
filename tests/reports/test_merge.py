"""Reports are put together where they were asked the same way, and refused by name where they were not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import attnspec.reports
from attnspec.reports.merge import MergeError, merge_reports
from attnspec.reports.model import outcome
from attnspec.reports.profiles import conformance_line, verdict_line
from attnspec.reports.record import Record
from attnspec.reports.schema.report import ProfileVerdict
from attnspec.reports.summary import summary_text

Report = dict[str, Any]
SAME_ROW: list[Any] = []
CONVENTIONS = {"mine": {"empty_rows": {"choice": "zeros", "how": "probed"}}}


@pytest.fixture
def shard(report: Any) -> Callable[..., Report]:
    """Shard `number` of 2 with some rows; the whole has three results."""

    def make(number: int, rows: list[Any], **changed: Any) -> Report:
        return report(rows, shard={"number": number, "of": 2, "whole": 3}, **changed)

    return make


@pytest.fixture
def halves(shard: Any, row: Any) -> tuple[Report, Report]:
    one = shard(1, [row("heads/c", level="should"), row("weights/a")])
    return one, copy.deepcopy(shard(2, [row("weights/b")], conventions=CONVENTIONS))


def merged(*reports: Report) -> Report:
    return merge_reports([(f"part-{n}", Record.of(each)) for n, each in enumerate(reports, 1)]).data


def schema() -> Any:
    text = (Path(attnspec.reports.__file__).parent / "schema" / "report.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def test_shards_together_are_the_whole(halves: Any, report: Any, row: Any) -> None:
    both = merged(*halves)
    whole = report([row("weights/a"), row("weights/b"), row("heads/c", level="should")], conventions=CONVENTIONS)
    schema().validate(both)
    assert both["complete"] and both["verdict"] == "mine conforms to core"
    same = set(whole) - {"environment"}
    assert {key: both[key] for key in same} == {key: whole[key] for key in same}
    assert [(part["shard"]["number"], part["results"]) for part in both["merged"]] == [(1, 2), (2, 1)]
    assert merged(*reversed(halves))["results"] == both["results"]


def test_a_shard_alone_certifies_nothing(halves: Any) -> None:
    assert halves[0]["verdicts"] == [] and halves[0]["complete"]
    assert verdict_line(Record.of(halves[0]).report).startswith("shard 1/2: certifies nothing by itself")


def test_a_shard_that_is_missing_makes_it_incomplete(halves: Any) -> None:
    alone = merged(halves[0])
    schema().validate(alone)
    assert alone["verdict"] == "INCOMPLETE: 2 of 3 results, shard 2/2 missing; nothing is certified"
    assert outcome(Record.of(alone).report) == (1, "the run is not complete: 2 of 3 results")
    with pytest.raises(MergeError, match="part-1 is a merge that lacks results of shards"):
        merged(alone)


def test_a_shard_that_was_killed_makes_it_incomplete(shard: Any, row: Any, halves: Any) -> None:
    killed = shard(2, [], planned=1)
    assert merged(halves[0], killed)["verdict"].startswith("INCOMPLETE: 2 of 3 results;")


def test_nothing_decided_is_said_of_the_merged_report(shard: Any, row: Any) -> None:
    empty = shard(2, [])
    assert outcome(Record.of(empty).report) == (0, "shard 2/2 is empty: the 3 results of this run fall to other shards")
    rows = [row(law, "not-claimed") for law in ("weights/a", "weights/b", "heads/c")]
    assert outcome(Record.of(shard(1, rows)).report)[0] == 2
    assert outcome(Record.of(merged(shard(1, rows), empty)).report) == (2, "nothing was decided: 3 not-claimed")


def test_runs_of_different_implementations_are_joined(report: Any, row: Any, plan: Any) -> None:
    one = report([row("weights/a"), row("weights/b")])
    plan["implementations"] = [{**plan["implementations"][0], "name": "other"}]
    two = report([row("weights/a", implementation="other"), row("weights/b", "fail", implementation="other")])
    two["environment"]["packages"]["torch-of-mine"] = "1"
    both = merged(one, two)
    schema().validate(both)
    assert both["verdict"] == "mine conforms to core; other does not conform to core" and both["planned"] == 4
    assert "torch-of-mine" in both["environment"]["packages"]


def test_known_failures_are_judged_over_the_whole(shard: Any, row: Any) -> None:
    baseline = [
        {"law": "weights/a", "implementation": "mine", "reason": "slow path", "file": "k.yaml", "line": 1, "last_line": 1},
        {"law": "weights/z", "implementation": "mine", "reason": "a slip", "file": "k.yaml", "line": 2, "last_line": 2},
    ]
    moved = [{**entry, "file": "/elsewhere/k.yaml"} for entry in baseline]
    one = shard(1, [row("weights/a", "fail"), row("heads/c", level="should")], baseline=baseline)
    two = shard(2, [row("weights/b")], baseline=moved)
    assert one["baseline_problems"] == two["baseline_problems"] == []
    both = merged(one, two)
    assert [each["known"] for each in both["results"] if "known" in each] == ["slow path"]
    assert len(both["baseline_problems"]) == 1 and "weights/z on mine matches nothing" in both["baseline_problems"][0]
    two["baseline"][0]["reason"] = "another"
    with pytest.raises(MergeError, match="different baselines: the entry for weights/a on mine is not the same in both"):
        merged(one, two)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["attnspec"].update(spec="0" * 16), "different versions of the suite: spec"),
        (lambda r: r["attnspec"].update(version="9.9"), "different versions of the suite: version .* and 9.9"),
        (lambda r: r.update(seed=7), "different seeds: 0 and 7"),
        (lambda r: r["budget"].update(examples=5), "different budgets: examples 50 and 5"),
        (lambda r: r["budget"].update(timeout=5.0), "different budgets: timeout 300.0 and 5.0"),
        (lambda r: r.update(dtype="float32"), "different dtypes asked for: none and float32"),
        (lambda r: r["environment"]["packages"].update(numpy="1.0"), "made with different numpy: .* and 1.0"),
        (lambda r: r["environment"]["packages"].update(jax2="1.0"), "made with different jax2: none and 1.0"),
        (lambda r: r["environment"].update(machine="m68k"), "made with different machine: .* and m68k"),
        (lambda r: r["implementations"][0].update(layout="bshd"), "declare mine differently: layout bhsd and bshd"),
        (lambda r: r["laws"]["weights/a"].update(equation="x == y"), "mean different things by weights/a: equation"),
        (lambda r: r["laws"].popitem(), "shards of different runs: laws"),
        (lambda r: r["shard"].update(of=3), "shards of different runs: number of shards 2 and 3"),
        (lambda r: r["shard"].update(whole=9), "shards of different runs: number of results in all 3 and 9"),
        (lambda r: r["shard"].update(number=1), "part-1 and part-2 are both shard 1/2"),
        (lambda r: r.pop("shard"), "one is a shard and the other a whole run"),
        (lambda r: r["results"].extend(SAME_ROW), "part-1 and part-2 both have weights/a on mine in float32"),
    ],
)
def test_what_does_not_belong_together_is_refused(halves: Any, row: Any, change: Any, said: str) -> None:
    SAME_ROW[:] = [row("weights/a")]
    merged(*halves)
    change(halves[1])
    with pytest.raises(MergeError, match=said):
        merged(*halves)


def test_conventions_that_differ_are_refused(shard: Any, row: Any, halves: Any) -> None:
    other = {"mine": {"empty_rows": {"choice": "nan", "how": "probed"}}}
    one = shard(1, [row("weights/a")], conventions=other)
    with pytest.raises(MergeError, match="found different conventions of mine: empty_rows"):
        merged(one, halves[1])


def test_the_first_line_of_the_text_is_the_verdict(halves: Any, report: Any, row: Any) -> None:
    assert summary_text(Record.of(merged(*halves)).report).splitlines()[0] == "mine conforms to core"
    assert summary_text(Record.of(report([row()], planned=2)).report).startswith("INCOMPLETE: 1 of 2 results")


def test_implementations_that_fare_alike_stand_together() -> None:
    def entry(name: str, profile: str, conforms: bool) -> ProfileVerdict:
        return ProfileVerdict(profile=profile, implementation=name, conforms=conforms, reasons=[], laws={})

    verdicts = [entry(name, "core", name != "e") for name in "eabcd"] + [
        entry("b", "decoder", True),
        entry("c", "decoder", False),
    ]
    assert conformance_line(verdicts).split("; ") == [
        "b conforms to core and decoder",
        "a and d conform to core",
        "c conforms to core, not to decoder",
        "e does not conform to core",
    ]
    many = [entry(name, "core", True) for name in "abcde"]
    assert conformance_line(many) == "a, b, c and 2 more conform to core"


def test_a_certificate_names_every_law_that_speaks_against_it(report: Any, row: Any, plan: Any) -> None:
    plan["implementations"][0]["dtypes"] = ["float32", "float16"]
    rows = [row("weights/a"), row("weights/b", "not-claimed"), row("weights/a", dtype="float16", verdict="not-claimed")]
    [verdict] = report(rows)["verdicts"]
    assert verdict["laws"] == {"not-run": ["weights/b"], "not-claimed": ["weights/a", "weights/b"]}
    [verdict] = report([row("weights/a"), row("weights/b")], planned=9)["verdicts"]
    assert not verdict["conforms"] and "the run is not complete" in verdict["reasons"]
