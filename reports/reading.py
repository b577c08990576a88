"""Reports that somebody hands over. Nothing is concluded from one that says what the schema has no words for.

A gate that takes an unknown verdict for no failure is green by mistake. So a report is held to the types of its schema as a
whole, and then to itself: what it has results of it describes, and as many are there as it says.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from .record import Record
from .schema import FORMAT, Report, SchemaError
from .write import read_report

__all__ = ["ReportError", "given_report", "is_report", "schema_text"]


class ReportError(Exception):
    """What cannot be read as a report. The text is one sentence that names it, and what is wrong."""


def schema_text() -> str:
    """The JSON Schema of report.json."""
    return files("attnspec.reports").joinpath("schema", "report.schema.json").read_text(encoding="utf-8")


def is_report(data: Any) -> bool:
    """Whether some JSON was meant as a report, of whatever format."""
    return isinstance(data, dict) and all(name in data for name in ("format", "results", "laws", "implementations", "planned"))


def given_report(place: str) -> Record:
    """The report in a folder or a file. Raises ReportError."""
    try:
        report: Any = read_report(Path(place))
    except OSError as error:
        raise ReportError(f"{place}: no report can be read there: {error.strerror or error}") from None
    except (KeyError, TypeError, AttributeError):
        raise ReportError(f"{place}: is what is left of a run, and not as attnspec run --out DIR leaves it") from None
    except ValueError as error:
        raise ReportError(f"{place}: is no report: {error}") from None
    except SchemaError as error:
        raise ReportError(f"{place}: is no report of this version of attnspec: {error}") from None
    if not is_report(report):
        raise ReportError(f"{place}: is JSON, but no report of attnspec run --out DIR")
    if report["format"] != FORMAT:
        told = f"has format {json.dumps(report['format'])[:20]}, and this version of attnspec reads {FORMAT}"
        raise ReportError(f"{place}: {told}; make it anew, or read it with the version that wrote it")
    try:
        record = Record.of(report)
    except SchemaError as error:
        raise ReportError(f"{place}: is no report of this version of attnspec: {error}") from None
    wrong = _contradiction(record.report)
    if wrong is not None:
        raise ReportError(f"{place}: is no report of this version of attnspec: {wrong}")
    return record


def _contradiction(report: Report) -> str | None:
    """What results say that the head does not, if something."""
    dtypes = {made.name: made.dtypes for made in report.implementations}
    for row in report.results:
        if row.law not in report.laws or row.dtype not in dtypes.get(row.implementation, ()):
            return f"has a result of {row.law} on {row.implementation} in {row.dtype}, which it does not describe"
        stated = report.laws[row.law]
        for name in ("level", "chapter"):  # By a level of its own a must-law would be green.
            if (own := getattr(row, name)) != (due := getattr(stated, name)):
                where = f"{row.law} on {row.implementation} in {row.dtype}"
                return f"has a result of {where} as of {name} {own}, and describes it as {due}"
    keys = {(row.law, row.implementation, row.dtype) for row in report.results}
    if len(keys) < len(report.results):
        return "it has two results of one law on one implementation in one dtype"
    if report.complete != (len(report.results) == report.planned):
        there = f"{len(report.results)} of {report.planned} results are there"
        return f"it says that it is {'complete' if report.complete else 'incomplete'}, and {there}"
    return None
