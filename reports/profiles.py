"""Which profiles a run certifies: "conforms to core" is a strong sentence, so everything that is missing says no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["profile_verdicts"]

WORDS = {
    "fail": "does not hold",
    "error": "has no answer",
    "inconclusive": "is inconclusive",
    "not-claimed": "is not claimed",
}


def profile_verdicts(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry for each implementation and each profile all of whose must-laws were asked for.

    Yes only when every must-law of the profile was run in every dtype of the implementation, claimed and passed, with at
    least the problems of the standard budget. Otherwise `reasons` says what is missing.
    """
    verdicts = []
    for made in report["implementations"]:
        for name, profile in report["profiles"].items():
            members = [law for law, operation in profile["must"].items() if operation == made["operation"]]
            if members and all(law in report["laws"] for law in members):
                reasons = list(_reasons(report, made, members))
                verdicts.append({"profile": name, "implementation": made["name"], "conforms": not reasons, "reasons": reasons})
    return verdicts


def _reasons(report: Mapping[str, Any], made: Mapping[str, Any], members: list[str]) -> Iterator[str]:
    budget = report["budget"]
    if budget["name"] == "quick":
        yield "quick: not a conformance result"
    elif budget["examples"] < report["standard_examples"]:
        yield f"{budget['examples']} problems a law are fewer than the standard {report['standard_examples']}"
    if report["dtype"] is not None:
        yield f"only {report['dtype']} was run"
    rows = {(row["law"], row["dtype"]): row for row in report["results"] if row["implementation"] == made["name"]}
    dtypes = [report["dtype"]] if report["dtype"] is not None else made["dtypes"]
    missing = [law for law in members if any((law, dtype) not in rows for dtype in dtypes)]
    if missing:
        yield _few("was not run", missing)
    for verdict, words in WORDS.items():
        laws = [law for law in members if any(_verdict(rows, law, dtype) == verdict for dtype in dtypes)]
        if laws:
            yield _few(words, laws)


def _verdict(rows: Mapping[tuple[str, str], Mapping[str, Any]], law: str, dtype: str) -> str | None:
    return rows[law, dtype]["verdict"] if (law, dtype) in rows else None


def _few(words: str, laws: list[str]) -> str:
    more = f" (and {len(laws) - 1} more)" if len(laws) > 1 else ""
    return f"{laws[0]} {words}{more}"
