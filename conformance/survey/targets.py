"""The surveys of a run: asked once, before it begins, and handed to every process that takes part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...adapters.written_takes import read_takes, written_takes
from ..selection import Target
from .process import survey_all

__all__ = ["survey_targets", "with_surveys"]


def survey_targets(targets: Sequence[Target]) -> dict[str, Any]:
    """What each implementation takes, by name and JSON-ready; those of one address are asked in one process."""
    groups: dict[str, list[tuple[dict[str, Any], str]]] = {}
    for target in targets:
        found = ({"target": target.address}, target.implementation.name)
        groups.setdefault(target.asked or target.address, []).append(found)
    return {name: written_takes(takes) for name, takes in survey_all(list(groups.values())).items()}


def with_surveys(targets: Sequence[Target], surveys: Mapping[str, Any]) -> list[Target]:
    """The targets with what their surveys found; one without a survey stays as it is declared."""
    return [
        replace(target, implementation=replace(made, takes=read_takes(surveys[made.name]))) if made.name in surveys else target
        for target in targets
        for made in (target.implementation,)
    ]
