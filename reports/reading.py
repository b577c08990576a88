"""Reports that somebody hands over. Nothing is concluded from one that says what the schema has no words for.

A gate that takes an unknown verdict for no failure is green by mistake. So the head is held to the whole schema, and of every
result what decides: its fields, its verdict, and that the head describes it. The depths of 20,000 results would take a minute;
they are looked at when something stumbles over them, and then the sentence says where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from .model import FORMAT
from .write import read_report

__all__ = ["ReportError", "blaming", "given_report", "is_report", "schema_text"]

Report = Mapping[str, Any]


class ReportError(Exception):
    """What cannot be read as a report. The text is one sentence that names it, and what is wrong."""


def schema_text() -> str:
    """The JSON Schema of report.json."""
    return files("attnspec.reports").joinpath("schema", "report.schema.json").read_text(encoding="utf-8")


def is_report(data: Any) -> bool:
    """Whether some JSON was meant as a report, of whatever format."""
    return isinstance(data, dict) and all(name in data for name in ("format", "results", "laws", "implementations", "planned"))


def given_report(place: str) -> dict[str, Any]:
    """The report in a folder or a file. Raises ReportError."""
    try:
        report: Any = read_report(Path(place))
    except OSError as error:
        raise ReportError(f"{place}: no report can be read there: {error.strerror or error}") from None
    except (KeyError, TypeError, AttributeError):
        raise ReportError(f"{place}: is what is left of a run, and not as attnspec run --out DIR leaves it") from None
    except ValueError as error:
        raise ReportError(f"{place}: is no report: {error}") from None
    if not is_report(report):
        raise ReportError(f"{place}: is JSON, but no report of attnspec run --out DIR")
    if report["format"] != FORMAT:
        told = f"has format {json.dumps(report['format'])[:20]}, and this version of attnspec reads {FORMAT}"
        raise ReportError(f"{place}: {told}; make it anew, or read it with the version that wrote it")
    with blaming({place: report}):
        wrong = _wrong({**report, "results": report["results"][:1]}) or next(_wrong_results(report), None)
    if wrong is not None:
        raise ReportError(f"{place}: is no report of this version of attnspec: {wrong}")
    return dict(report)


@contextmanager
def blaming(reports: Mapping[str, Report]) -> Iterator[None]:
    """Says which report breaks the schema, where what is done with reports breaks down; other errors pass. Raises ReportError.

    reports: by the names by which they were given.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        for place, report in reports.items():
            wrong = _wrong(report)
            if wrong is not None:
                raise ReportError(f"{place}: is no report of this version of attnspec: {wrong}") from None
        raise


def _wrong(report: Any) -> str | None:
    """The first thing in which a report breaks the schema, and where."""
    import jsonschema

    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(json.loads(schema_text())).iter_errors(report))
    return None if error is None else f"{'/'.join(map(str, error.absolute_path)) or 'the report'}: {error.message[:200]}"


def _wrong_results(report: Report) -> Iterator[str]:
    """What is wrong with results, and with how many there are."""
    result = json.loads(schema_text())["$defs"]["result"]
    verdicts, levels = result["properties"]["verdict"]["enum"], ("must", "should", "may")
    dtypes = {made["name"]: made["dtypes"] for made in report["implementations"]}
    for number, row in enumerate(report["results"]):
        missing = [name for name in result["required"] if name not in row]
        if missing:
            yield f"results/{number}: has no {missing[0]}"
        elif row["verdict"] not in verdicts or row["level"] not in levels:
            yield f"results/{number}: has the verdict {row['verdict']!r} and the level {row['level']!r}"
        elif row["law"] not in report["laws"] or row["dtype"] not in dtypes.get(row["implementation"], ()):
            yield f"has a result of {row['law']} on {row['implementation']} in {row['dtype']}, which it does not describe"
    keys = {(row["law"], row["implementation"], row["dtype"]) for row in report["results"]}
    if len(keys) < len(report["results"]):
        yield "it has two results of one law on one implementation in one dtype"
    if report["complete"] != (len(report["results"]) == report["planned"]):
        there = f"{len(report['results'])} of {report['planned']} results are there"
        yield f"it says that it is {'complete' if report['complete'] else 'incomplete'}, and {there}"
