"""What plots are made of here: one SVG without script, font or network, small plots side by side, lines and marks.

Small plots stand side by side so that few lines need a colour to be told from another; every mark says its own number when it
is pointed at. A line breaks where a value is missing, and before a point that is not joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

__all__ = ["FAIL", "FAINT", "INK", "PASS", "Mark", "Point", "cross", "document", "line", "round_mark", "text"]

INK, FAINT, PASS, FAIL = "#222", "#bbb", "#1b7837", "#b2182b"


class Point(NamedTuple):
    """A place in pixels, what is said of it, whether its mark is filled, and whether a line leads to it."""

    x: float
    y: float
    said: str
    whole: bool = True
    joined: bool = True


Mark = Callable[[float, float, str, bool], str]
"""Takes x, y, a colour and whether it is filled."""


def document(width: int, height: int, said: str, parts: Iterable[str]) -> str:
    """The picture of a size in pixels; `said` is what it shows, for those who do not see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label={quoteattr(said)} font-family="sans-serif" font-size="11" fill="{INK}">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """Words at a place; attributes of SVG with _ instead of -."""
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:g}" y="{y:g}"{extra}>{escape(words)}</text>'


def line(points: Sequence[Point | None], colour: str, mark: Mark, *, dashed: bool = False) -> str:
    """A line through the points that are there, with a mark on each."""
    path, marks, pen = "", "", "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        path, pen = path + f"{pen if point.joined else 'M'}{point.x:.1f} {point.y:.1f}", "L"
        marks += f"<g>{mark(point.x, point.y, colour, point.whole)}<title>{escape(point.said)}</title></g>"
    dashes = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="{colour}"{dashes}/>{marks}' if path else ""


def round_mark(x: float, y: float, colour: str, whole: bool) -> str:
    """A round mark, hollow where it is not whole."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour if whole else "#fff"}" stroke="{colour}"/>'


def cross(x: float, y: float, colour: str, whole: bool) -> str:
    """A cross, thin and small where it is not whole."""
    size = 3 if whole else 2
    arms = f"M{x - size:.1f} {y - size:.1f}l{2 * size} {2 * size}m0 {-2 * size}l{-2 * size} {2 * size}"
    return f'<path d="{arms}" stroke="{colour}" stroke-width="{2 if whole else 1}"/>'
