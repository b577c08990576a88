"""The diagnosis of a failed law as plain data, as a result carries it and a report writes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ...adapters.contract import Implementation
from ..engine.subject import Subject
from ..language.law import Law
from ..operations import operation_named
from ..problems.build import build
from ..problems.structure import Structure
from .call_log import CallLog
from .factor import factors
from .history import changes
from .investigation import investigation
from .mask import mask_picture
from .matching import Match, came, due
from .panels import pictures
from .suspects import TILES, Suspect
from .where import where

__all__ = ["diagnose", "under_arithmetic"]

LISTED = 5
"""Mistakes that are named where several explain as much."""


def diagnose(
    made: Implementation, law: Law, dtype: str, failed: Sequence[Structure], record: Callable[[str], None] = lambda case: None
) -> dict[str, Any]:
    """What is known of a failure; as plain data.

    failed: structures on which the law failed, the reported one first. record: called with each case before it runs.

    how: `outputs` where a mistake gives all that came; `law` where it does so on the problems of this law alone; `verdicts`
    where no output is wrong and a mistake fails the law on the same problems; `none`.
    problems, wrong: how many problems were looked at, and on how many something was wrong. ranked: the mistakes, the best
    first, level ones beside each other: fault, title, links, matched of so many problems, shown: how many of these are wrong,
    tiles: how many keys a tile may have, where that tells.
    nearest: one that explains more than half of what is wrong, where none explains all. where, factor: sentences. mask: lines.
    symptom, where outputs are wrong and no mistake gives them: the kinds of numbers that came and that were due instead; with:
    options that all wrong problems have in common, null where every plain problem came out right; changes: equal calls differ.
    arithmetic, added by `under_arithmetic`: the named model under which the law holds: model, ratio, sentence, rank.
    pictures: mask and weights, of a law about the forward pass, where they can be read. seconds: what it took.
    """
    began = time.perf_counter()
    inquiry = investigation(made, dtype)
    found, likes = inquiry.of(law, failed, record)
    how, ranked = "none", []
    if found.full:
        how, ranked = "outputs", [_row(s, s.matched, s.tried, s.shown) for s in found.full]
    elif found.in_law:
        how, ranked = "law", [_row(s, s.law_matched, s.law_tried, s.law_shown) for s in found.in_law]
    elif likes:
        how, ranked = "verdicts", [_row(each.suspect, each.matched, each.of, each.failed) for each in likes]
    near = found.nearest
    symptom = _symptom(found, inquiry.log) if how != "outputs" else {}
    steady = not symptom.get("symptom", {}).get("changes", False)  # what changes from call to call has no picture
    return {
        "how": how,
        "problems": len(found.samples),
        "wrong": found.wrong,
        "ranked": ranked[:LISTED],
        "nearest": None if near is None else _row(near, near.matched, near.tried, near.shown),
        "where": where(found.samples, build(failed[0], inquiry.conventions)),
        "factor": factors(found.samples),
        "mask": mask_picture(found.samples, Subject(made, dtype, inquiry.conventions))
        if operation_named(made.operation).softmax and steady and law.operation == made.operation
        else [],
        **symptom,
        **(_drawn(made, law, failed[0], record) if steady else {}),
        "seconds": round(time.perf_counter() - began, 3),
    }


def under_arithmetic(found: dict[str, Any], holds: dict[str, Any]) -> dict[str, Any]:
    """A diagnosis with the named arithmetic under which the law holds, as `measure.holds_under` gives it; itself for none.

    A mistake that gives all outputs still leads. One that gives those of this law alone, or only fails it too, says nothing
    beside a model that explains every output, so it goes.
    """
    if not found or not holds:
        return found
    unsaid = {} if found["how"] == "outputs" else {"how": "none", "ranked": []}
    return {**found, **unsaid, "arithmetic": holds}


def _symptom(found: Match, log: CallLog) -> dict[str, Any]:
    """What is wrong, where no mistake says it."""
    wrong = [sample for sample in found.samples if not sample.correct]
    if not came(wrong):
        return {}
    everywhere = any(not sample.of_law for sample in wrong)
    common = sorted(frozenset.intersection(*(sample.options for sample in wrong))) if everywhere else None
    kinds = {"came": sorted(came(wrong)), "due": sorted(due(wrong))}
    return {"symptom": {**kinds, "with": common, "changes": changes(log, wrong)}}


def _drawn(made: Implementation, law: Law, structure: Structure, record: Callable[[str], None]) -> dict[str, Any]:
    if not operation_named(made.operation).softmax or law.asks_for_gradients or law.operation != made.operation:
        return {}
    found = pictures(made, structure, lambda case: record(f"{law.id}?{case.query()}"))
    return {} if found is None else {"pictures": found}


def _row(suspect: Suspect, matched: int, of: int, shown: int) -> dict[str, Any]:
    fault = suspect.fault
    return {
        "fault": fault.name,
        "title": fault.title,
        "links": list(fault.links),
        "matched": matched,
        "of": of,
        "shown": shown,
        **({"tiles": sorted(suspect.tiles)} if suspect.tiles and len(suspect.tiles) < len(TILES) else {}),
    }
