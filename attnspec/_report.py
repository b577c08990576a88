"""`attnspec report`: a report in another form, its schema, and several reports as one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._files import write_given

if TYPE_CHECKING:
    from attnspec.reports.record import Record
    from attnspec.reports.schema import Summary

__all__ = ["merge_reports_of", "show_report"]

REPLAYS = "replays"
"""The folder of a report in which scripts lie."""


def show_report(given: dict[str, Any]) -> int:
    """Print or write one form. Returns 1 for an incomplete report. Raises ReportError, UnknownProfile, click.ClickException."""
    from attnspec.reports.formats import rendered
    from attnspec.reports.reading import given_report, schema_text

    if given["schema"]:
        click.echo(schema_text(), nl=False)
        return 0
    if given["place"] is None:
        raise click.UsageError("say which report: attnspec report DIR")
    if given["form"] == "html" and given["out"] is None:
        raise click.UsageError("a page is for a file: --out report.html")
    record = given_report(given["place"])
    suffix = Path(given["out"] or "").suffix
    kills = _kills(given["faults"]) if given["faults"] else None
    text = rendered(record, given["form"], suffix=suffix, profile=given["profile"], kills=kills)
    if given["out"] is None:
        click.echo(text, nl=False)
    else:
        write_given(Path(given["out"]), text)
    if record.report.complete:
        return 0
    here, due = len(record.report.results), record.report.planned
    click.echo(f"attnspec: {given['place']}: INCOMPLETE, {here} of {due} results are there", err=True)
    return 1


def merge_reports_of(places: Sequence[str], out: str, forms: Sequence[str], profile: str) -> int:
    """Merge, write, summarise; returns the exit code of the merged report. Raises MergeError, ReportError, FolderError,
    click.ClickException."""
    from attnspec.reports.formats import write_formats
    from attnspec.reports.merge import merge_reports
    from attnspec.reports.reading import given_report
    from attnspec.reports.summary import print_summary
    from attnspec.reports.write import prepared, write_report

    from ._display import made_console

    folder = Path(out)
    for place in places:
        if Path(place).resolve() in (folder.resolve(), (folder / "report.json").resolve()):
            raise click.UsageError(f"{place} is one of the reports, so the joint one cannot be written there: --out another")
    parts = [(place, given_report(place)) for place in places]
    merged = merge_reports(parts)
    prepared(folder)
    _take_scripts(merged, [Path(place) for place in places], folder)
    files = [write_report(merged.data, folder), *write_formats(merged, forms, folder, profile)]
    code = print_summary(merged.report, made_console(), folder=f"{out}/")
    for file in files:
        click.echo(f"report: {file}")
    return code


def _kills(file: str) -> Summary:
    """A kill matrix, whole or summarised, as the page takes it."""
    from attnspec.reports.kills import summarised
    from attnspec.reports.schema import KillMatrix, SchemaError, Summary, checked

    try:
        matrix: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        if isinstance(matrix["laws"], list):
            return summarised(checked(matrix, KillMatrix, "the matrix"))
        return checked(matrix, Summary, "the summary")
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read: {error.strerror}") from None
    except SchemaError as error:
        raise click.ClickException(f"{file}: is no matrix of this version of attnspec: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise click.ClickException(f"{file}: is no matrix of attnspec faults --out DIR") from None


def _take_scripts(merged: Record, places: Sequence[Path], folder: Path) -> None:
    """Copy the scripts of findings beside the joint report. A result whose script is not there names none."""
    homes = [place if place.is_dir() else place.parent for place in places]
    for plain, row in zip(merged.data["results"], merged.report.results, strict=True):
        if row.script:
            own = Path(REPLAYS) / Path(row.script).name  # A report may come from anywhere; it names no other place.
            found = next((home / own for home in homes if (home / own).is_file()), None)
            plain["script"] = row.script = own.as_posix() if found else ""
            if found:
                (folder / REPLAYS).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, folder / own)
