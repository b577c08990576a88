"""The types, the JSON Schema that is printed, and what may stand in a report are one. Wrong values are planted everywhere."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from attnspec.conformance.engine.result import VERDICTS
from attnspec.conformance.engine.result import Result as Said
from attnspec.reports.schema import Diagnosis, KillMatrix, Report, Result, SchemaError, checked
from attnspec.reports.schema.printed import FILES, schema_text
from attnspec.reports.schema.result import Ratios
from attnspec.reports.schema.words import Verdict
from attnspec.reports.write import as_json

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
Place = tuple[str | int, ...]

LEFT_OUT: Any = object()
WRONG = (LEFT_OUT, None, True, -1, 1.5, "A b", [], [7], {}, {"A b": 7}, {"A b": "c"})


def full(report: Any, row: Any) -> dict[str, Any]:
    """A report in which everything stands that may."""
    mistake = {"fault": "f", "title": "t", "links": ["l"], "matched": 1, "of": 2, "shown": 1, "tiles": [16]}
    pictures = {"case": "c", "title": "t", "queries": 1, "keys": 2, "mask_due": ["01"], "mask_read": ["ni"], "largest": 0.5,
                "weights_due": ["00fe"], "weights_read": ["ff00"], "infinite": ["01"]}  # fmt: skip
    diagnosis = {
        "how": "outputs", "problems": 3, "wrong": 2, "ranked": [mistake], "nearest": mistake, "where": ["w"], "factor": ["x"],
        "mask": ["m"], "arithmetic": {"model": "m", "ratio": 1.5, "sentence": "s", "rank": 1},
        "symptom": {"came": ["nan"], "due": ["finite"], "with": ["o"], "changes": True}, "pictures": pictures, "seconds": 1.0,
    }  # fmt: skip
    certificate = {"problems": 1, "caught": ["a"], "missed": ["b"], "not_judged": {"c": "d"}, "void": ""}
    made = row(
        verdict="fail", reasons={"r": 2}, ratios_over_keys=[[16, 0.5]], worst_found={"message": "m", "case": "c"},
        ratios={"problems": "0123456789abcdef", "count": 2, "largest": ["inf"]}, simplest=["s"], compilations=1, script="s",
        estimate="e", softened=1, diagnosis=diagnosis, certificate=certificate, known="k",
    )  # fmt: skip
    known = {"law": "*", "implementation": "mine", "dtype": "float32", "reason": "r", "link": "l", "expires": "2030-01-01",
             "fails": "always", "file": "f", "line": 1, "last_line": 2}  # fmt: skip
    whole = report([made], baseline=[known], shard={"number": 1, "of": 2, "whole": 3})
    whole |= {"narrowed": True, "dtype": ["float32"], "seconds": 1.0, "baseline_problems": ["p"]}
    whole["environment"]["packages"] = {"numpy": "2"}
    whole["profiles"]["core"]["must"] = {"weights/a": "attention"}
    verdict = {"profile": "core", "implementation": "mine", "conforms": False, "reasons": ["r"]}
    whole["verdicts"] = [{**verdict, "laws": {"fail": ["weights/a"]}}]
    part = {key: whole[key] for key in ("shard", "environment", "planned", "complete")}
    whole["merged"] = [{**part, "results": 1}]
    whole["false_alarms"]["drawn_features"] = 0.5
    whole["implementations"][0] |= {
        "refusals": [{"sentence": "s", "words": "w"}],
        "conventions": {"c": {"choice": "x", "how": "probed"}},
        "options": ["o"],
        "claims": ["c"],
        "notes": ["n"],
    }
    whole["laws"] = {"weights/a": {**whole["laws"]["weights/a"], "sources": ["s"], "where": "w"}}
    whole["causes"][0]["also"] = ["x"]
    loaded: dict[str, Any] = json.loads(json.dumps(whole))
    return loaded


def matrix(report: Any, row: Any) -> dict[str, Any]:
    """A kill matrix in which everything stands that may."""
    head = {key: full(report, row)[key] for key in ("format", "attnspec", "environment", "seed")}
    kill = {"law": "a/b", "problem": 1, "seconds": 0.5, "case": "c", "verdict": "fail"}
    fault = {"title": "t", "operation": "o", "needs": ["n"], "equivalent": "", "dtypes": ["float32"], "because": "b",
             "in": {"float32": {"laws": 1, "problems": 2, "kills": [kill]}}}  # fmt: skip
    law = {"law": "a/b", "dtype": "float32", "problems": 3, "seconds": 1.0}
    law["definition"] = {"verdict": "pass", "message": "", "case": "c"}
    own = {"budget": {"name": "quick", "examples": 1}, "dtypes": ["float32"], "seconds": 1.0}
    return {**head, **own, "laws": [law], "faults": {"f": fault}}


MADE = {"report.schema.json": full, "faults.schema.json": matrix}


def places(data: Any, place: Place = ()) -> Iterator[Place]:
    """Every place of some data but the whole."""
    for step, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*place, step)
        yield from places(value, (*place, step))


def at(data: Any, place: Place) -> Any:
    for step in place:
        data = data[step]
    return data


def planted(data: Any, place: Place, value: Any) -> Any:
    """The data with another value at a place."""
    changed = copy.copy(data)
    if place[1:]:
        changed[place[0]] = planted(data[place[0]], place[1:], value)
    elif value is LEFT_OUT:
        del changed[place[0]]
    else:
        changed[place[0]] = value
    return changed


def is_taken(data: Any, kind: type[msgspec.Struct]) -> bool:
    try:
        checked(data, kind, "it")
    except SchemaError:
        return False
    return True


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_the_types_say(name: str) -> None:
    text = (ROOT / "reports" / "schema" / name).read_text(encoding="utf-8")
    assert text == schema_text(name), "run python -m attnspec.reports.schema"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_types_and_schema_take_and_refuse_the_same(name: str, report: Any, row: Any) -> None:
    """But for a count that is written 2.0: a whole number to the schema, none to the types."""
    validator, kind, whole = (
        jsonschema.Draft202012Validator(json.loads(schema_text(name))),
        FILES[name][0],
        MADE[name](report, row),
    )
    validator.validate(whole)
    checked(whole, kind, "it")
    verdicts = []
    for place in places(whole):
        for value in WRONG:
            data = planted(whole, place, value)
            verdicts.append((place, value, is_taken(data, kind), validator.is_valid(data)))
    assert not [(place, value) for place, value, typed, schema in verdicts if typed != schema]
    assert {typed for _, _, typed, _ in verdicts} == {True, False}


def test_what_may_be_left_out(report: Any, row: Any) -> None:
    def free(whole: Any, kind: type[msgspec.Struct]) -> set[str]:
        out = {"/".join(map(str, place)) for place in places(whole) if is_taken(planted(whole, place, LEFT_OUT), kind)}
        return {place for place in out if not place.rpartition("/")[2].isdigit()}

    result = "certificate compilations diagnosis estimate known ratios ratios_over_keys script simplest softened worst_found"
    diagnosis = "arithmetic symptom pictures arithmetic/rank pictures/infinite nearest/tiles ranked/0/tiles"
    assert free(full(report, row), Report) == {
        *(
            "attnspec/suite",
            "narrowed",
            "seconds",
            "shard",
            "merged",
            "causes",
            "environment/time",
            "merged/0/environment/time",
        ),
        *("false_alarms/drawn_features", "implementations/0/refusals", "implementations/0/conventions/c"),
        *("laws/weights/a", "laws/weights/a/sources", "profiles/core", "profiles/core/must/weights/a"),
        *("environment/packages/numpy", "merged/0/environment/packages/numpy", "verdicts/0/laws/fail"),
        *(f"baseline/0/{name}" for name in ("dtype", "link", "expires", "fails", "file", "line", "last_line")),
        *(f"results/0/{name}" for name in result.split()),
        *(f"results/0/diagnosis/{name}" for name in diagnosis.split()),
        *(f"results/0/seconds/{name}" for name in row()["seconds"]),
        *("results/0/reasons/r", "results/0/certificate/not_judged/c"),
    }
    assert free(matrix(report, row), KillMatrix) == {
        *("attnspec/suite", "environment/time", "environment/packages/numpy", "faults/f", "faults/f/in/float32")
    }


def test_nothing_unknown_may_stand_anywhere_but_in_a_result(report: Any, row: Any) -> None:
    for whole, kind in ((full(report, row), Report), (matrix(report, row), KillMatrix)):
        assert not is_taken({**whole, "unknown": True}, kind)
        objects = [place for place in places(whole) if isinstance(at(whole, place), dict)]
        taken = {place for place in objects if is_taken(planted(whole, (*place, "unknown"), True), kind)}
        assert taken == ({("results", 0)} if kind is Report else set())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("$schema", "urn:attnspec:report:2"),
        ("format", 2),
        ("attnspec/spec", "0123456789abcdeg"),
        ("environment/cpus", 0),
        ("budget/examples", 0),
        ("budget/costly", 0),
        ("budget/timeout", 0),
        ("false_alarms/random_signs", 1.01),
        ("false_alarms/estimates", 1.01),
        ("false_alarms/drawn_features", 1.01),
        ("false_alarms/other", 1e-9),
        ("dtype", []),
        ("implementations/0/mode", "lazy"),
        ("implementations/0/conventions/c/how", "guessed"),
        ("laws/weights~a/level", "can"),
        ("baseline/0/fails", "never"),
        ("shard/number", 0),
        ("shard/of", 0),
        ("verdicts/0/laws", {"pass": ["a/b"]}),
        ("causes/0/findings", []),
        ("causes/0/level", "can"),
        ("results/0/law", "Weights/a"),
        ("results/0/verdict", "fine"),
        ("results/0/level", "can"),
        ("results/0/worst_ratio", "infinite"),
        ("results/0/seconds/kit", "none"),
        ("results/0/ratios_over_keys/0", [1]),
        ("results/0/ratios_over_keys/0", [1, 2, 3]),
        ("results/0/ratios_over_keys/0", [1.5, 2]),
        ("results/0/ratios/problems", "012"),
        ("results/0/ratios/largest/0", "x"),
        ("results/0/diagnosis/how", "guess"),
        ("results/0/diagnosis/arithmetic/ratio", -0.1),
        ("results/0/diagnosis/symptom/came/0", "big"),
        ("results/0/diagnosis/symptom/due/0", "big"),
        ("results/0/diagnosis/pictures/mask_due/0", "012"),
        ("results/0/diagnosis/pictures/mask_read/0", "0x"),
        ("results/0/diagnosis/pictures/weights_due/0", "00f"),
        ("results/0/diagnosis/pictures/weights_read/0", "FF"),
        ("results/0/diagnosis/pictures/infinite/0", "n"),
        ("results/0/diagnosis/pictures/largest", -0.1),
    ],
)
def test_what_a_report_may_not_say(place: str, value: Any, report: Any, row: Any) -> None:
    steps = tuple(int(step) if step.isdigit() else step.replace("~", "/") for step in place.split("/"))
    whole = full(report, row)
    at(whole, steps)
    with pytest.raises(SchemaError):
        checked(planted(whole, steps, value), Report, "it")


def test_no_count_is_negative_and_no_object_is_half_there(report: Any, row: Any) -> None:
    whole = full(report, row)
    counts = [place for place in places(whole) if type(at(whole, place)) in (int, float)]
    taken = {place[-1] for place in counts if is_taken(planted(whole, place, -1), Report)}
    assert taken == {
        "standard_examples",
        "standard_costly",
        "seed",
        "line",
        "last_line",
        "worst_ratio",
        1,
        *row()["seconds"],
    }  # 1: of a pair, the ratio
    assert checked(planted(whole, ("results", 0, "diagnosis"), {}), Report, "it").results[0].diagnosis == Diagnosis()
    assert not Diagnosis() and Ratios(problems="0123456789abcdef", count=0, largest=[])
    with pytest.raises(SchemaError, match="results/0/ratios: object missing required field `count`"):
        checked(planted(whole, ("results", 0, "ratios", "count"), LEFT_OUT), Report, "it")


def test_the_report_of_the_gallery_is_read_and_written_alike() -> None:
    text = gzip.decompress((ROOT / "reports" / "gallery" / "report.json.gz").read_bytes())
    there = json.loads(text)
    typed = checked(there, Report, "it")
    assert json.loads(as_json(typed)) == there
    assert [as_json(row) for row in typed.results] == [as_json(row) for row in there["results"]]


def test_what_a_law_said_is_what_the_type_has() -> None:
    made = [field.name for field in dataclasses.fields(Said) if field.name != "packed"]
    assert [*made, "known"] == list(Result.__struct_fields__) and set(VERDICTS) == set(get_args(Verdict))
    said = Said(implementation="mine", operation="attention", law="a/b", dtype="float32", verdict="pass").as_dict()
    assert as_json(checked(said, Result, "it")) == as_json(said)
