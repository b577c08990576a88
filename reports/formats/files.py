"""Which form has which name, and which files it is in the folder of a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..record import Record
from ..schema import Report, Summary
from ..write import as_json, report_text

__all__ = ["FILES", "FORMATS", "UnknownProfile", "rendered", "write_formats"]

FILES: dict[str, tuple[str, ...]] = {
    "html": ("report.html",),
    "markdown": ("report.md",),
    "junit": ("junit.xml",),
    "badge": ("badge.svg", "badge.json"),
    "ctrf": ("ctrf.json",),
}
"""Form → the files that `attnspec run --format` writes beside report.json."""

FORMATS = (*FILES, "json", "text")


class UnknownProfile(Exception):
    """A badge of a profile that the report knows nothing of. The text names those that it knows."""


def rendered(
    record: Record,
    form: str,
    *,
    suffix: str = "",
    profile: str = "core",
    kills: Summary | None = None,
) -> str:
    """A report in one of FORMATS.

    suffix: of the file that is meant; a badge is a picture where it is `.svg` and JSON for shields.io elsewhere.
    profile: what the badge is about. kills: a kill matrix for the page, as `attnspec faults --out` writes it.
    Half a surrogate pair in some message, which no file can hold, is written as an escape. Raises UnknownProfile.
    """
    text = _rendered(record, form, suffix, profile, kills)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _rendered(record: Record, form: str, suffix: str, profile: str, kills: Summary | None) -> str:
    report = record.report
    if form == "html":
        from ..html import html_page

        return html_page(report, kills=kills)
    if form == "markdown":
        from .markdown import report_markdown

        return report_markdown(report)
    if form == "junit":
        from .junit import junit_xml

        return junit_xml(report)
    if form == "ctrf":
        from .ctrf import ctrf

        return as_json(ctrf(report), indent=1) + "\n"
    if form == "badge":
        return _badge(report, suffix, profile)
    if form == "json":
        return report_text(record.data)
    if form == "text":
        from ..summary import summary_text

        return summary_text(report) + "\n"
    raise ValueError(f"unknown format {form!r}; the formats are {', '.join(FORMATS)}")


def write_formats(record: Record, forms: Iterable[str], folder: Path, profile: str = "core") -> list[Path]:
    """Write the files of some forms into the folder of a report, and return their paths. Raises UnknownProfile."""
    written = []
    for form in dict.fromkeys(forms):
        for name in FILES[form]:
            text = rendered(record, form, suffix=Path(name).suffix, profile=profile)
            (folder / name).write_text(text, encoding="utf-8")
            written.append(folder / name)
    return written


def _badge(report: Report, suffix: str, profile: str) -> str:
    from .badge import badge, badge_svg, endpoint

    if profile not in report.profiles:
        raise UnknownProfile(f"unknown profile {profile!r}; the report knows {', '.join(report.profiles)}")
    made = badge(report, profile)
    return badge_svg(made) if suffix == ".svg" else as_json(endpoint(made), indent=1) + "\n"
