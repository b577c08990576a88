"""Several reports as one: the shards of a run, or runs of different implementations on different machines.

What is put together must have been asked the same way, or the sum says something that no run found. So suite, seed, budget,
dtype, baseline and versions must agree, and no result may be there twice. What is missing makes the report incomplete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .agreement import SAME, MergeError, Part, Report, agree, difference, same_surroundings, shards_of
from .model import concluded, with_conventions

__all__ = ["MergeError", "merge_reports"]


def merge_reports(parts: Sequence[Part]) -> dict[str, Any]:
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
    reports = [report for _, report in parts]
    head = {key: first[1][key] for key in SAME}
    head |= {
        "environment": _environment(reports),
        "implementations": _implementations(parts),
        "laws": _laws(parts),
        "planned": shards[0]["whole"] if shards else sum(report["planned"] for report in reports),
        "baseline": first[1]["baseline"],
        "merged": [
            {
                "shard": report.get("shard"),
                **{key: report[key] for key in ("environment", "planned", "complete")},
                "results": len(report["results"]),
            }
            for report in reports
        ],
    }
    spent = [report["seconds"] for report in reports if report.get("seconds") is not None]
    head = with_conventions(head, _conventions(parts))
    laws, names = list(head["laws"]), [made["name"] for made in head["implementations"]]
    dtypes = {made["name"]: made["dtypes"] for made in head["implementations"]}
    places = {name: {item: n for n, item in enumerate(items)} for name, items in (("law", laws), ("implementation", names))}
    rows.sort(
        key=lambda row: (
            places["law"][row["law"]],
            places["implementation"][row["implementation"]],
            dtypes[row["implementation"]].index(row["dtype"]),
        )
    )
    return concluded(head, rows, seconds=max(spent) if len(spent) == len(reports) else None)


def _rows(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """All results, as they came from the laws: whether a failure is known is said anew. None may be there twice."""
    owner: dict[tuple[str, str, str], str] = {}
    rows = []
    for name, report in parts:
        for row in report["results"]:
            key = (row["law"], row["implementation"], row["dtype"])
            if key in owner:
                raise MergeError(f"{owner[key]} and {name} both have {key[0]} on {key[1]} in {key[2]}")
            owner[key] = name
            rows.append({field: value for field, value in row.items() if field != "known"})
    return rows


def _implementations(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Each implementation once. One that is declared differently is not one."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, report in parts:
        for made in report["implementations"]:
            declared = {key: value for key, value in made.items() if key not in ("conventions", "origin")}
            other, before = found.setdefault(made["name"], (name, made))
            if any(before[key] != value for key, value in declared.items()):
                said = difference({key: before[key] for key in declared}, declared)
                raise MergeError(f"{other} and {name} declare {made['name']} differently: {said}")
    return [made for _, made in found.values()]


def _conventions(parts: Sequence[Part]) -> dict[str, dict[str, Any]]:
    """How each implementation settles conventions; a shard that ran nothing of it does not know."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, report in parts:
        for made in report["implementations"]:
            if made["conventions"]:
                other, before = found.setdefault(made["name"], (name, made["conventions"]))
                if before != made["conventions"]:
                    said = difference(before, made["conventions"])
                    raise MergeError(f"{other} and {name} found different conventions of {made['name']}: {said}")
    return {made: conventions for made, (_, conventions) in found.items()}


def _laws(parts: Sequence[Part]) -> dict[str, Any]:
    """The laws of all parts. Laws of a file of one's own are not under the hash of the suite, so their words must agree."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, report in parts:
        for law, about in report["laws"].items():
            other, before = found.setdefault(law, (name, about))
            if before != about:
                raise MergeError(f"{other} and {name} mean different things by {law}: {difference(before, about)}")
    return {law: about for law, (_, about) in found.items()}


def _environment(reports: Sequence[Report]) -> dict[str, Any]:
    """That of the first, from the time at which the first began, with the packages of all."""
    times = [report["environment"]["time"] for report in reports if report["environment"].get("time")]
    packages: dict[str, str] = {}
    for report in reports:
        packages |= report["environment"]["packages"]
    return {**reports[0]["environment"], **({"time": min(times)} if times else {}), "packages": packages}
