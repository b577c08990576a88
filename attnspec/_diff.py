"""`attnspec diff` and `attnspec trend`: reports side by side, and one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

__all__ = ["read_given", "show_diff", "show_trend", "write_given"]


def show_diff(old: str, new: str, form: str, out: str | None) -> int:
    """Compare two reports, print or write the comparison, and return its exit code."""
    from attnspec.reports.diff import compare, diff_markdown, diff_text
    from attnspec.reports.write import as_json

    diff = compare(read_given(old), read_given(new))
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
    """Write the trend of a folder of reports as .svg, .json or .md."""
    from attnspec.reports.trend import series, trend_markdown
    from attnspec.reports.trend_picture import trend_svg
    from attnspec.reports.write import as_json

    made = {
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
    click.echo(f"{runs} report{'s' if runs != 1 else ''} of {names}: {out}")
    return 0


def _reports(folder: Path) -> dict[str, dict[str, Any]]:
    """Name → report of every report below a folder: report.json by the name of its folder, any other .json by its own."""
    if not folder.is_dir():
        raise click.ClickException(f"{folder}: no folder; give one that holds reports")
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.rglob("*.json")):
        if file.name in ("report.json", "plan.json"):  # The second is of a run that did not end.
            found[file.parent.relative_to(folder).as_posix()] = read_given(str(file.parent))
        elif (data := _maybe(file)) is not None:
            found[file.relative_to(folder).with_suffix("").as_posix()] = data
    if not found:
        raise click.ClickException(f"{folder}: holds no report; attnspec run … --out {folder}/NAME writes one")
    return found


def _maybe(file: Path) -> dict[str, Any] | None:
    """The report in a file, or None where the file is something else, as a badge."""
    from attnspec.reports.write import read_report

    try:
        data: Any = read_report(file)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and _is_report(data) else None


def _is_report(data: dict[str, Any]) -> bool:
    return all(name in data for name in ("format", "results", "laws", "implementations", "planned"))


def read_given(place: str) -> dict[str, Any]:
    """A report. Raises click.ClickException in the words of whoever typed its name."""
    from attnspec.reports.write import read_report

    try:
        data: Any = read_report(Path(place))
    except OSError as error:
        raise click.ClickException(f"{place}: no report can be read there: {error.strerror or error}") from None
    except ValueError as error:
        raise click.ClickException(f"{place}: is no report: {error}") from None
    if not isinstance(data, dict) or not _is_report(data):
        raise click.ClickException(f"{place}: is JSON, but no report of attnspec run --out DIR")
    return data


def write_given(file: Path, text: str) -> None:
    """Write a file, in a folder that is made. Raises click.ClickException."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror or error}") from None
