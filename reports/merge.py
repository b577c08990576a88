"""Several reports as one: the shards of a run, or runs of different implementations on different machines.

What is put together must have been asked the same way, or the sum says something that no run found. So suite, seed, budget,
dtype, baseline and versions must agree, and no result may be there twice. What is missing makes the report incomplete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, to_builtins
from msgspec.structs import replace

from .agreement import SAME, MergeError, Part, agree, difference, same_surroundings, shards_of
from .model import concluded, with_conventions
from .record import Record
from .schema import Report
from .schema.setting import Convention, Environment, Implementation, LawText
from .schema.setting import Part as Merged

__all__ = ["MergeError", "merge_reports"]

Key = tuple[str, str, str]
"""Law, implementation and dtype of a result."""


def merge_reports(parts: Sequence[Part]) -> Record:
    """One report of several. Raises MergeError.

    Shards of one run are merged with one another only; a shard that is missing leaves the report incomplete.
    """
    if not parts:
        raise MergeError("there is no report to merge")
    first = parts[0]
    for other in parts[1:]:
        agree(first, other)
    for number, part in enumerate(parts):
        for other in parts[:number]:
            same_surroundings(other, part)
    shards = shards_of(parts)
    rows = _rows(parts)
    reports = [record.report for _, record in parts]
    implementations, laws = _implementations(parts), _laws(parts)
    head: dict[str, Any] = {key: first[1].data[key] for key in SAME}
    head |= to_builtins(
        {
            "environment": _environment(reports),
            "implementations": [plain for _, plain in implementations.values()],
            "laws": laws,
            "planned": shards[0].whole if shards else sum(report.planned for report in reports),
            "baseline": first[1].data["baseline"],
            "merged": [
                Merged(report.shard or None, report.environment, report.planned, report.complete, len(report.results))
                for report in reports
            ],
        }
    )
    head = with_conventions(head, to_builtins(_conventions(parts)))
    spent = [report.seconds for report in reports if report.seconds is not UNSET]
    places = ({law: n for n, law in enumerate(laws)}, {name: n for n, name in enumerate(implementations)})
    ordered = sorted(
        rows, key=lambda key: (places[0][key[0]], places[1][key[1]], implementations[key[1]][0].dtypes.index(key[2]))
    )
    seconds = max(spent) if len(spent) == len(reports) else None
    return concluded(head, [rows[key] for key in ordered], seconds=seconds)


def _rows(parts: Sequence[Part]) -> dict[Key, dict[str, Any]]:
    """All results, as they came from the laws: whether a failure is known is said anew. None may be there twice."""
    owner: dict[Key, str] = {}
    rows: dict[Key, dict[str, Any]] = {}
    for name, record in parts:
        for plain, row in zip(record.data["results"], record.report.results, strict=True):
            key = (row.law, row.implementation, row.dtype)
            if key in owner:
                raise MergeError(f"{owner[key]} and {name} both have {key[0]} on {key[1]} in {key[2]}")
            owner[key] = name
            rows[key] = {field: value for field, value in plain.items() if field != "known"}
    return rows


def _implementations(parts: Sequence[Part]) -> dict[str, tuple[Implementation, dict[str, Any]]]:
    """Each implementation once, by name, and as it is written. One that is declared differently is not one."""
    found: dict[str, tuple[str, Implementation, dict[str, Any]]] = {}
    for name, record in parts:
        for made, plain in zip(record.report.implementations, record.data["implementations"], strict=True):
            other, before, _ = found.setdefault(made.name, (name, made, plain))
            ours, theirs = (replace(each, conventions={}, origin="") for each in (before, made))
            if ours != theirs:
                raise MergeError(f"{other} and {name} declare {made.name} differently: {difference(ours, theirs)}")
    return {name: (made, plain) for name, (_, made, plain) in found.items()}


def _conventions(parts: Sequence[Part]) -> dict[str, dict[str, Convention]]:
    """How each implementation settles conventions; a shard that ran nothing of it does not know."""
    found: dict[str, tuple[str, dict[str, Convention]]] = {}
    for name, record in parts:
        for made in record.report.implementations:
            if made.conventions:
                other, before = found.setdefault(made.name, (name, made.conventions))
                if before != made.conventions:
                    said = difference(before, made.conventions)
                    raise MergeError(f"{other} and {name} found different conventions of {made.name}: {said}")
    return {made: conventions for made, (_, conventions) in found.items()}


def _laws(parts: Sequence[Part]) -> dict[str, dict[str, Any]]:
    """The laws of all parts, as they are written.

    Laws of a file of one's own are not under the hash of the suite, so their words must agree.
    """
    found: dict[str, tuple[str, LawText, dict[str, Any]]] = {}
    for name, record in parts:
        for law, about in record.report.laws.items():
            other, before, _ = found.setdefault(law, (name, about, record.data["laws"][law]))
            if before != about:
                raise MergeError(f"{other} and {name} mean different things by {law}: {difference(before, about)}")
    return {law: plain for law, (_, _, plain) in found.items()}


def _environment(reports: Sequence[Report]) -> Environment:
    """That of the first, from the time at which the first began, with the packages of all."""
    times = [report.environment.time for report in reports if report.environment.time]
    packages: dict[str, str] = {}
    for report in reports:
        packages |= report.environment.packages
    return replace(reports[0].environment, time=min(times) if times else UNSET, packages=packages)
