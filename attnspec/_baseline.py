"""`attnspec baseline update`: says what it did to the file, and which lines wait for a reason."""

from __future__ import annotations

from pathlib import Path

import click

from ._files import write_given

__all__ = ["update_baseline"]


def update_baseline(place: str, file: str) -> int:
    """Update the file from a report, and return 0. Raises BaselineError, ReportError, click.ClickException."""
    from attnspec.reports.baseline_update import updated
    from attnspec.reports.reading import given_report

    target = Path(file)
    before = target.read_text(encoding="utf-8") if target.is_file() else ""
    report = given_report(place).report
    update = updated(before, report, target)
    if update.text != before or not target.is_file():
        write_given(target, update.text)
    for line in update.said:
        click.echo(line)
    for entry in update.unsaid:
        click.echo(f"{file}:{entry['line']}: say why {entry['law']} is known to fail on {entry['implementation']}")
    kept, added, removed = update.kept, update.added, update.removed
    click.echo(f"{file}: {kept} kept, {added} new, {removed} removed" + _waiting(len(update.unsaid)))
    return 0


def _waiting(entries: int) -> str:
    if not entries:
        return ""
    return f"; {entries} {'waits' if entries == 1 else 'wait'} for a reason, and attnspec run refuses the file until then"
