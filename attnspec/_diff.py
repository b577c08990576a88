"""`attnspec diff` and `attnspec trend`: reports side by side, and one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnspec.reports.wording import counted

from ._files import write_given

if TYPE_CHECKING:
    from attnspec.reports.schema import Report

__all__ = ["show_diff", "show_trend"]


def show_diff(old: str, new: str, form: str, strict: bool, out: str | None) -> int:
    """Print or write the comparison of two reports, and return its exit code. Raises ReportError, click.ClickException."""
    from attnspec.reports.diff import compare, diff_markdown, diff_text
    from attnspec.reports.reading import given_report
    from attnspec.reports.write import as_json

    before, after = given_report(old).report, given_report(new).report
    diff = compare(before, after, strict=strict)
    if form == "json":
        text = as_json(diff, indent=1) + "\n"
    else:
        text = diff_markdown(diff) if form == "markdown" else diff_text(diff) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_given(Path(out), text)
    return int(diff["code"])


def show_trend(folder: str, out: str) -> int:
    """Write the trend of a folder of reports as .svg, .json or .md. Raises ReportError, click.ClickException."""
    from attnspec.reports.trend import series, trend_markdown
    from attnspec.reports.trend_picture import trend_svg
    from attnspec.reports.write import as_json

    made: dict[str, Callable[[dict[str, Any]], str]] = {
        ".svg": trend_svg,
        ".md": trend_markdown,
        ".json": lambda found: as_json(found, indent=1) + "\n",
    }
    target = Path(out)
    if target.suffix not in made:
        raise click.ClickException(f"{out}: a trend is written as {', '.join(made)}; the ending says which")
    trend = series(_reports(Path(folder)))
    write_given(target, made[target.suffix](trend))
    for note in trend["notes"]:
        click.echo(f"note: {note}")
    runs, names = len(trend["runs"]), ", ".join(trend["implementations"])
    click.echo(f"{counted(runs, 'report')} of {names}: {out}")
    return 0


def _reports(folder: Path) -> dict[str, Report]:
    """Name → report of every report below a folder: report.json by the name of its folder, any other .json by its own."""
    from attnspec.reports.reading import given_report

    if not folder.is_dir():
        raise click.ClickException(f"{folder}: no folder; give one that holds reports")
    found: dict[str, Report] = {}
    for file in sorted(folder.rglob("*.json")):
        if file.name in ("report.json", "plan.json"):  # The second is of a run that did not end.
            found[file.parent.relative_to(folder).as_posix()] = given_report(str(file.parent)).report
        elif _is_one(file):
            found[file.relative_to(folder).with_suffix("").as_posix()] = given_report(str(file)).report
    if not found:
        raise click.ClickException(f"{folder}: holds no report; attnspec run … --out {folder}/NAME writes one")
    return found


def _is_one(file: Path) -> bool:
    """Whether a file was meant as a report, and not as something else, as a badge."""
    from attnspec.reports.reading import is_report
    from attnspec.reports.write import read_report

    try:
        return is_report(read_report(file))
    except (OSError, ValueError):
        return False
