"""The page about approximations: figures are those of the data, data are what is measured, and all lies below the bound."""

from __future__ import annotations

import importlib.util
import json
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from attnspec.conformance.language import load_laws
from attnspec.reference.faults.catalogue import CORRECT, FAULTS

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "docs" / "data"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return dict(json.loads((DATA / "approximations.json").read_text(encoding="utf-8")))


def points(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for name, rows in data.items() if name != "setting" for row in rows]


def test_every_measured_error_lies_below_what_is_proved(data: dict[str, Any]) -> None:
    proved = [row for row in points(data) if row["proved"] is not None]
    assert len(proved) >= 18
    assert all(row["measured"] < row["proved"] and 0 < row["closest"] < 1 for row in proved)


def test_errors_fall_as_the_theorems_say(data: dict[str, Any]) -> None:
    by_order = [row["measured"] for row in data["taylor_by_order"]]
    assert len(by_order) == 6 and all(a > 5 * b for a, b in pairwise(by_order))
    by_count = data["random_by_count"]
    first, last = by_count[0], by_count[-1]
    slope = (last["features"] / first["features"]) ** 0.5 * last["measured"] / first["measured"]
    assert 0.8 < slope < 1.25, "a quarter of the variance for each four times the features"


def test_the_picture_is_that_of_the_data(data: dict[str, Any]) -> None:
    drawn = (ROOT / "docs" / "images" / "approximations.svg").read_text(encoding="utf-8")
    assert loaded("approximations_picture").picture(data) == drawn, "run python benchmarks/approximations.py --picture"
    names = {element.tag.split("}")[1] for element in ElementTree.fromstring(drawn).iter()}
    assert names <= {"svg", "rect", "text", "g", "path", "circle", "title"}


def test_the_data_are_what_is_measured(data: dict[str, Any]) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    measure = loaded("approximations")
    for row, again in (
        (data["taylor_by_order"][1], measure.taylor(2, data["setting"]["reach"])),
        (data["random_by_count"][3], measure.random(data["random_by_count"][3]["features"], data["setting"]["reach"])),
    ):
        assert set(row) == set(again)
        for name in ("measured", "proved", "closest"):
            assert abs(again[name] / row[name] - 1) < 0.02, "run python benchmarks/approximations.py"


def test_laws_about_drawn_features_reject_what_is_wrong_and_nothing_else() -> None:
    measured = json.loads((DATA / "drawn-features.json").read_text(encoding="utf-8"))
    laws = {law.id: law for law in load_laws() if "each_seed" in law.words()}
    assert set(measured) == set(laws), "run python benchmarks/drawn_features.py"
    for law, by_dtype in measured.items():
        for dtype, found in by_dtype.items():
            assert found[CORRECT][0] == 0 and found[CORRECT][1] > 100
            due = {name for name in laws[law].kills if FAULTS[name].shows_in(dtype)}
            assert set(found) - {CORRECT} == due
            assert all(found[name][0] > 0 for name in due)
