"""A trend as one SVG without script, font or network: a row of small plots for each implementation.

Small plots stand side by side, so that no line needs a colour to be told from another. Passed is a filled round mark, failed a
cross. A dashed upright stands where suite, seed or budget changed, a hollow mark at a run that is incomplete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from .plotting import FAIL, FAINT, INK, PASS, Mark, Point, cross, document, line, round_mark, text
from .visible import visible

__all__ = ["trend_svg"]

WIDTH, HEIGHT, GAP, TITLE, ROW = 170, 70, 24, 22, 6
"""Pixels of a plot, between plots, above a plot; plots a row."""


def trend_svg(trend: Mapping[str, Any]) -> str:
    """The picture of a trend as `trend.series` gives it."""
    parts: list[str] = []
    top = GAP
    for name, points in trend["implementations"].items():
        parts.append(text(GAP, top + 12, name, font_size=14, font_weight="bold"))
        top += 12
        plots = list(_plots(trend, points))
        for n, plot in enumerate(plots):
            left = GAP + (n % ROW) * (WIDTH + GAP)
            parts.append(f'<g transform="translate({left} {top + TITLE + n // ROW * (HEIGHT + TITLE + GAP)})">{plot}</g>')
        top += -(-len(plots) // ROW) * (HEIGHT + TITLE + GAP) + GAP
    for note in (_span(trend["runs"]), *trend["notes"]):
        parts.append(text(GAP, top, note))
        top += 16
    said = f"Trend of {len(trend['runs'])} reports of {', '.join(trend['implementations'])}"
    return visible(document(GAP + ROW * (WIDTH + GAP), top, said, parts))


def _plots(trend: Mapping[str, Any], points: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    """One plot of counts, and one for each chapter that was compared within bounds."""
    runs = trend["runs"]
    counts = [None if p is None else (p["passed"], p["failed"]) for p in points]
    most = max((max(c) for c in counts if c is not None), default=0) or 1
    passed, failed = ([None if c is None else c[i] for c in counts] for i in (0, 1))
    title = f"results: passed {_last(passed, '{:.0f}')}, failed {_last(failed, '{:.0f}')}"
    lines = _line(runs, passed, most, PASS, "passed", round_mark) + _line(runs, failed, most, FAIL, "failed", cross)
    yield _frame(runs, title, f"{most}", lines)
    for chapter in trend["chapters"]:
        worst = [None if p is None else p["worst"].get(chapter) for p in points]
        if any(value is not None for value in worst):
            title = f"{chapter}: worst {_last(worst, '{:.2g}')}"
            yield _frame(runs, title, "1", _line(runs, worst, 1.0, INK, f"{chapter}, error / bound", round_mark))


def _frame(runs: Sequence[Mapping[str, Any]], title: str, top: str, content: str) -> str:
    axes = f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="{FAINT}"/>'
    breaks = "".join(
        f'<path d="M{_x(n, runs):.1f} 0V{HEIGHT}" stroke="{FAINT}" stroke-dasharray="3 3"/>'
        for n, run in enumerate(runs)
        if run["changed"]
    )
    scale = f'<text x="-4" y="8" text-anchor="end" font-size="9">{top}</text>'
    return f'<text y="-7">{escape(title)}</text>{axes}{breaks}{scale}{content}'


def _line(
    runs: Sequence[Mapping[str, Any]], values: Sequence[float | None], most: float, colour: str, what: str, mark: Mark
) -> str:
    """A line through the values that are there; it breaks where one is missing, and where runs asked something else."""
    points: list[Point | None] = []
    for n, (run, value) in enumerate(zip(runs, values, strict=True)):
        said = f"{run['name']}: {value:.3g} {what}" + ("" if run["complete"] else ", incomplete") if value is not None else ""
        height = 0.0 if value is None else HEIGHT * (1 - min(float(value), most) / most)
        points.append(None if value is None else Point(_x(n, runs), height, said, run["complete"], not run["changed"]))
    return line(points, colour, mark)


def _x(n: int, runs: Sequence[Any]) -> float:
    return WIDTH / 2 if len(runs) == 1 else WIDTH * (0.04 + 0.92 * n / (len(runs) - 1))


def _last(values: Sequence[float | None], form: str) -> str:
    return "–" if values[-1] is None else form.format(values[-1])


def _span(runs: Sequence[Mapping[str, Any]]) -> str:
    first, last = (f"{run['name']} ({run['time'] or 'no time'})" for run in (runs[0], runs[-1]))
    return f"from {first} to {last}, {len(runs)} reports; worst: the largest error / bound of a law that passed"
