"""The bugs that no fault makes: each with links and a reason, and none of them a fault as well unless that is said."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from attnspec.spec.operations import faults

SPEC = files("attnspec.spec")
GROUPS: dict[str, Any] = yaml.safe_load(SPEC.joinpath("not_expressed.yaml").read_text(encoding="utf-8"))
FAULTS: dict[str, Any] = faults()
SCHEMA = Draft202012Validator(json.loads(SPEC.joinpath("schema/not_expressed.schema.json").read_text(encoding="utf-8")))


def bugs(groups: dict[str, Any]) -> list[dict[str, Any]]:
    return [bug for group in groups.values() for bug in group["bugs"]]


def unsaid(groups: dict[str, Any]) -> Iterator[str]:
    """What stands in both files without a word, and what is said to stand in both and does not."""
    for bug in bugs(groups):
        citing = {name for name, fault in FAULTS.items() if set(bug["links"]) & set(fault["links"])}
        for name in citing ^ set(bug.get("also", ())):
            yield f"{bug['title']} {name}"


def test_the_file_keeps_its_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
    assert not [error.message for error in SCHEMA.iter_errors(GROUPS)]


@pytest.mark.parametrize(
    ("group", "lost"),
    [("sparse", "links"), ("linear", "title"), ("gradients", "mutant"), ("equivalent", "because")],
)
def test_the_schema_asks_for_it(group: str, lost: str) -> None:
    broken = copy.deepcopy(GROUPS)
    del broken[group]["bugs"][0][lost]
    assert [error.message for error in SCHEMA.iter_errors(broken)] == [f"'{lost}' is a required property"]


def test_every_group_has_a_reason() -> None:
    broken = copy.deepcopy(GROUPS)
    del broken["sparse"]["reason"]
    assert [error.message for error in SCHEMA.iter_errors(broken)] == ["'reason' is a required property"]


def test_no_title_stands_twice() -> None:
    titles = [bug["title"] for bug in bugs(GROUPS)] + [fault["title"] for fault in FAULTS.values()]
    assert not {title for title in titles if titles.count(title) > 1}


def test_what_is_a_fault_as_well_is_said_to_be_one() -> None:
    assert not list(unsaid(GROUPS))
    broken = copy.deepcopy(GROUPS)
    broken["sparse"]["bugs"][0]["links"].append(FAULTS["causal-ignored"]["links"][0])
    broken["sparse"]["bugs"][1]["also"] = ["causal-ignored"]
    assert len(list(unsaid(broken))) > 1
