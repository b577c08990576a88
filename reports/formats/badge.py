"""A badge: in three words whether everything in a report conforms to a profile.

It is a picture, or the JSON that https://shields.io/badges/endpoint-badge draws one from. Only green says `conforms`, and the
words say what the colour says.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ..profiles import shard_name, verdict_line
from ..schema import Report

__all__ = ["Badge", "badge", "badge_svg", "endpoint"]

GREEN, RED, ORANGE, GREY = "brightgreen", "red", "orange", "lightgrey"
PAINT = {GREEN: "#2f7d12", RED: "#c0392b", ORANGE: "#a85d00", GREY: "#6b6b6b"}
"""shields.io's names, and shades of them on which white letters have a contrast of 4.5 and more."""

NARROW, WIDE = set("fijlrt.,:;'|!()[] /-1"), set("mwMWABCDEFGHKNOPQRSTUVXYZ")


@dataclass(frozen=True)
class Badge:
    """label and message: its two halves. colour: a name of PAINT. title: what a pointer, or a reader of screens, says."""

    label: str
    message: str
    colour: str
    title: str


def badge(report: Report, profile: str) -> Badge:
    """The badge of a profile that the report knows. Of several implementations all must conform."""
    message, colour = _said(report, profile)
    return Badge(f"attnspec {profile}", message, colour, verdict_line(report))


def endpoint(made: Badge) -> dict[str, Any]:
    """What shields.io reads. isError: the address of a badge may not paint it in another colour."""
    return {
        "schemaVersion": 1,
        "label": made.label,
        "message": made.message,
        "color": made.colour,
        "isError": made.colour != GREEN,
    }


def badge_svg(made: Badge) -> str:
    """The picture, 20 pixels high; each half is as wide as its text, which is fitted to it whatever font there is."""
    left, right = _width(made.label), _width(made.message)
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{width - 12}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        for text, x, width in ((made.label, 6, left), (made.message, left + 6, right))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{escape(f"{made.label}: {made.message}")}"><title>{escape(made.title)}</title>'
        f'<clipPath id="round"><rect width="{left + right}" height="20" rx="3"/></clipPath><g clip-path="url(#round)">'
        f'<rect width="{left}" height="20" fill="#444"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{PAINT[made.colour]}"/></g>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n'
    )


def _said(report: Report, profile: str) -> tuple[str, str]:
    """Message and colour."""
    if not report.complete:
        return f"INCOMPLETE: {len(report.results)} of {report.planned}", ORANGE
    if report.shard:
        return f"shard {shard_name(report.shard)} alone", GREY
    entries = [entry for entry in report.verdicts if entry.profile == profile]
    yes, refuted = sum(entry.conforms for entry in entries), any("fail" in entry.laws for entry in entries)
    if not entries:
        return "not tried", GREY
    if report.budget.name == "quick":
        return ("does not conform", RED) if refuted else ("quick run", GREY)
    if yes == len(entries):
        return ("conforms" if yes == 1 else f"all {yes} conform"), GREEN
    if yes:
        return f"{yes} of {len(entries)} conform", ORANGE
    return "does not conform" if len(entries) == 1 else f"none of {len(entries)} conforms", RED


def _width(text: str) -> int:
    """Pixels of a half: its text in 11 pixel Verdana, roughly, and a margin of 6 on both sides."""
    return 12 + round(sum(4.2 if letter in NARROW else 8.2 if letter in WIDE else 6.7 for letter in text))
