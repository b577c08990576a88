"""The picture of `approximations.py`: four small plots, measured errors as full marks, what is proved as hollow ones above."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attnspec.reports.plotting import FAINT, INK, PASS, Point, document, line, round_mark, text

__all__ = ["picture"]

WIDTH, HEIGHT, LEFT, TOP, GAP, BELOW = 300, 190, 64, 44, 90, 78
"""Pixels: of a plot, left of the first, above the first row, between plots, and below a plot."""

MEASURED, PROVED = PASS, INK

Row = Mapping[str, Any]


def picture(data: Mapping[str, Any]) -> str:
    """The picture of what `approximations.measured` gives."""
    s = data["setting"]
    plots = (
        _plot(f"Taylor maps, scores up to {s['reach']:g}", "order", data["taylor_by_order"], "order", False),
        _plot(f"Taylor map of order {s['order']}", "largest score", data["taylor_by_scale"], "reach", True),
        _plot(f"random features, scores up to {s['reach']:g}", "number of features", data["random_by_count"], "features", True),
        _plot(f"{s['features']} random features", "largest score", data["random_by_scale"], "reach", True),
    )
    parts = []
    for n, plot in enumerate(plots):
        x, y = LEFT + n % 2 * (WIDTH + GAP), TOP + n // 2 * (HEIGHT + BELOW)
        parts.append(f'<g transform="translate({x} {y})">{plot}</g>')
    height = TOP + 2 * (HEIGHT + BELOW)
    parts += list(_legend(height - 6, s))
    said = "Errors of Taylor maps and of random features against softmax attention lie below what is proved, in four plots"
    return document(LEFT + 2 * WIDTH + GAP + 24, height + 24, said, parts)


def _legend(y: float, s: Row) -> Iterator[str]:
    for x, colour, full, words in (
        (LEFT, MEASURED, True, "measured"),
        (LEFT + 90, PROVED, False, f"proved; of random features in all but one of {1 / s['chance']:,.0f} draws"),
    ):
        yield round_mark(x, y, colour, full) + text(x + 9, y + 4, words)
    yield text(LEFT, y + 22, f"error of the output against softmax attention, root mean square, D = {s['d']}, {s['keys']} keys")


def _plot(title: str, what: str, rows: Sequence[Row], key: str, logarithmic: bool) -> str:
    """One plot; where nothing is proved of some entry its upper line breaks."""
    values = [float(row[name]) for row in rows for name in ("measured", "proved") if row[name] is not None]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    places = [math.log(float(row[key])) if logarithmic else float(row[key]) for row in rows]

    def x(place: float) -> float:
        return WIDTH * (0.04 + 0.92 * (place - places[0]) / (places[-1] - places[0]))

    def y(value: float) -> float:
        return HEIGHT * (high - math.log10(value)) / (high - low)

    parts = [text(0, -14, title, font_weight="bold"), f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="{FAINT}"/>']
    step = max(1, (high - low) // 5)
    for power in range(low, high + 1, step):
        parts.append(f'<path d="M0 {y(10.0**power):.1f}H{WIDTH}" stroke="{FAINT}" stroke-dasharray="1 4"/>')
        parts.append(text(-6, round(y(10.0**power) + 4, 1), f"10{_raised(power)}", text_anchor="end"))
    parts += [
        text(round(x(p), 1), HEIGHT + 16, f"{row[key]:g}", text_anchor="middle") for p, row in zip(places, rows, strict=True)
    ]
    parts.append(text(WIDTH / 2, HEIGHT + 34, what, text_anchor="middle"))
    for name, colour, full in (("proved", PROVED, False), ("measured", MEASURED, True)):
        points = [
            None if row[name] is None else Point(x(p), y(row[name]), f"{key} {row[key]:g}: {row[name]:.3g} {name}", full)
            for p, row in zip(places, rows, strict=True)
        ]
        parts.append(line(points, colour, round_mark, dashed=not full))
    return "".join(parts)


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
