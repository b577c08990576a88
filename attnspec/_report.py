"""`attnspec report`: a report in another form, its schema, and several reports as one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ._diff import read_given, write_given

__all__ = ["merge_reports_of", "show_report"]

REPLAYS = "replays"
"""The folder of a report in which scripts lie."""


def show_report(given: dict[str, Any]) -> int:
    """Print or write one form. Returns 1 for an incomplete report. Raises click.ClickException, UnknownProfile."""
    from attnspec.reports.formats import rendered

    if given["schema"]:
        click.echo(_schema_text(), nl=False)
        return 0
    if given["place"] is None:
        raise click.UsageError("say which report: attnspec report DIR")
    if given["form"] == "html" and given["out"] is None:
        raise click.UsageError("a page is for a file: --out report.html")
    report = _read(given["place"])
    suffix = Path(given["out"] or "").suffix
    kills = _kills(given["faults"]) if given["faults"] else None
    text = rendered(report, given["form"], suffix=suffix, profile=given["profile"], kills=kills)
    if given["out"] is None:
        click.echo(text, nl=False)
    else:
        write_given(Path(given["out"]), text)
    if report["complete"]:
        return 0
    here, due = len(report["results"]), report["planned"]
    click.echo(f"attnspec: {given['place']}: INCOMPLETE, {here} of {due} results are there", err=True)
    return 1


def merge_reports_of(places: Sequence[str], out: str, forms: Sequence[str], profile: str) -> int:
    """Merge, write, summarise; returns the exit code of the merged report. Raises MergeError, click.ClickException."""
    from rich.console import Console

    from attnspec.reports.formats import write_formats
    from attnspec.reports.merge import merge_reports
    from attnspec.reports.summary import print_summary
    from attnspec.reports.write import write_report

    folder = Path(out)
    for place in places:
        if Path(place).resolve() in (folder.resolve(), (folder / "report.json").resolve()):
            raise click.UsageError(f"{place} is one of the reports, so the joint one cannot be written there: --out another")
    merged = merge_reports([(place, _read(place)) for place in places])
    _take_scripts(merged, [Path(place) for place in places], folder)
    files = [write_report(merged, folder), *write_formats(merged, forms, folder, profile)]
    console = Console(soft_wrap=True)
    code = print_summary(merged, console if console.is_terminal else Console(width=140, color_system=None))
    for file in files:
        click.echo(f"report: {file}")
    return code


def _read(place: str) -> dict[str, Any]:
    """A report that keeps the schema, as far as can be seen at once: its head, and its first result."""
    import jsonschema

    report = read_given(place)
    seen = {**report, "results": report["results"][:1]}
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(json.loads(_schema_text())).iter_errors(seen))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the report"
        raise click.ClickException(f"{place}: is no report of this version of attnspec: {where}: {error.message[:200]}")
    dtypes = {made["name"]: made["dtypes"] for made in report["implementations"]}
    for row in report["results"]:
        if row["law"] not in report["laws"] or row["dtype"] not in dtypes.get(row["implementation"], ()):
            what = f"{row['law']} on {row['implementation']} in {row['dtype']}"
            raise click.ClickException(f"{place}: has a result of {what}, which it does not describe")
    return report


def _kills(file: str) -> dict[str, Any]:
    """A kill matrix, whole or summarised, as the page takes it."""
    from attnspec.reports.kills import summarised

    try:
        matrix: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        return summarised(matrix) if isinstance(matrix["laws"], list) else matrix
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(f"{file}: is no matrix of attnspec faults --out DIR") from None


def _schema_text() -> str:
    from importlib.resources import files

    return files("attnspec.reports").joinpath("schema", "report.schema.json").read_text(encoding="utf-8")


def _take_scripts(report: dict[str, Any], places: Sequence[Path], folder: Path) -> None:
    """Copy the scripts of findings beside the joint report. A result whose script is not there names none."""
    homes = [place if place.is_dir() else place.parent for place in places]
    for row in report["results"]:
        if row.get("script"):
            own = Path(REPLAYS) / Path(row["script"]).name  # A report may come from anywhere; it names no other place.
            found = next((home / own for home in homes if (home / own).is_file()), None)
            row["script"] = own.as_posix() if found else ""
            if found:
                (folder / REPLAYS).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, folder / own)
