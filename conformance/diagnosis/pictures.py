"""X-rays as pictures with axes and a legend, for a page or a pull request, where nobody explains them.

Each head is one row of four panels: the mask that is due and the one that is kept, the weights that are due and those read.
Queries go down, keys across; both are numbered. A weight is a shade from paper at 0 to ink at the largest of its head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import drawing
from .drawing import INK, PAPER, Rectangle, Words
from .lettering import HEIGHT, STEP
from .reading import KeyState
from .xray import Xray, most

__all__ = ["png", "svg"]

CELL, GAP, LINE, AXIS = 8, 16, 12, 28
"""Pixels: a cell, the space between panels, a line of words, the numbers beside a panel."""

SEEN, HIDDEN, LEAKED, LOST = (0x33, 0x55, 0x88), (0xEE, 0xEE, 0xEE), (0xCC, 0x22, 0x22), (0xE6, 0x9F, 0x00)
NAN, INFINITE, EDGE = (0xCC, 0x22, 0xCC), (0x00, 0x99, 0x77), (0xBB, 0xBB, 0xBB)

TICKS = (1, 2, 5, 10, 20, 50, 100)
"""Cells from one number of an axis to the next: the first of these that leaves room."""

LEGEND = {
    "seen": SEEN, "hidden": HIDDEN, "seen though hidden": LEAKED, "hidden though due": LOST, "NaN": NAN, "infinite": INFINITE,
}  # fmt: skip

Colours = NDArray[np.uint8]
Shapes = list[Rectangle | Words]


def svg(pictures: Sequence[Xray]) -> str:
    """The pictures as one SVG document."""
    return drawing.svg(*_drawn(pictures))


def png(pictures: Sequence[Xray]) -> bytes:
    """The pictures as one PNG file."""
    return drawing.png(*_drawn(pictures))


def _drawn(pictures: Sequence[Xray]) -> tuple[Shapes, int, int]:
    """What is drawn, and how wide and high it is."""
    shapes: Shapes = [Words(GAP, GAP, "queries down, keys across")]
    top, right = GAP + LINE, 0
    for picture in pictures:
        largest = most(picture)
        strange = f", {picture.strange} weights NaN or infinite" if picture.strange else ""
        said = f"largest weight {largest:.3g}, largest difference {picture.apart:.3g}{strange}"
        shapes.append(Words(GAP, top, f"{picture.title}: {said}"))
        top, left = top + LINE, GAP
        for title, colours in _panels(picture, largest):
            shapes += [Words(left + AXIS, top, title), *_axes(colours, left, top + LINE)]
            shapes += [_frame(colours, left + AXIS, top + 2 * LINE), *_cells(colours, left + AXIS, top + 2 * LINE)]
            left += AXIS + max(colours.shape[1] * CELL, len(title) * STEP) + GAP
        right, top = max(right, left), top + 2 * LINE + len(picture.mask) * CELL + GAP
    for words, colour in LEGEND.items():
        shapes += [Rectangle(GAP, top, CELL, CELL, colour), Words(GAP + 2 * CELL, top, words)]
        top += LINE
    shapes += _ramp(top)
    lines = [shape for shape in shapes if isinstance(shape, Words)]
    return shapes, max(right, *(each.x + STEP * len(each.words) + GAP for each in lines)), top + LINE + GAP


def _panels(picture: Xray, largest: float) -> list[tuple[str, Colours]]:
    """Title and colours (Sq, Sk, 3) of the four panels."""
    return [
        ("mask due", _mask(picture.due_mask, picture.due_mask)),
        ("mask kept", _mask(picture.due_mask, picture.mask)),
        ("weights due", _shades(picture.due_weights, largest)),
        ("weights read", _shades(picture.weights, largest)),
    ]


def _axes(colours: Colours, left: int, top: int) -> Iterator[Words]:
    """Numbers of queries and keys beside a panel whose numbers begin at (left, top)."""
    rows, columns = colours.shape[:2]
    for key in range(0, columns, _apart(columns, STEP)):
        yield Words(left + AXIS + key * CELL, top, str(key))
    for query in range(0, rows, _apart(rows, HEIGHT, digits=1)):
        yield Words(left + AXIS - STEP * len(str(query)) - 4, top + LINE + query * CELL, str(query))


def _apart(count: int, size: int, digits: int | None = None) -> int:
    """Cells from one number to the next, where a digit has a size along the axis."""
    room = size * (digits or len(str(count)) + 1)
    return next(step for step in TICKS if step * CELL >= room)


def _frame(colours: Colours, left: int, top: int) -> Rectangle:
    """A panel's edge, which its cells leave one pixel of."""
    rows, columns = colours.shape[:2]
    return Rectangle(left - 1, top - 1, columns * CELL + 2, rows * CELL + 2, EDGE)


def _cells(colours: Colours, left: int, top: int) -> Iterator[Rectangle]:
    """One rectangle for each run of equal cells of a row."""
    for i, row in enumerate(colours):
        starts = [0, *(np.flatnonzero((row[1:] != row[:-1]).any(-1)) + 1), len(row)] if len(row) else []
        for start, stop in pairwise(int(n) for n in starts):
            red, green, blue = (int(c) for c in row[start])
            yield Rectangle(left + start * CELL, top + i * CELL, (stop - start) * CELL, CELL, (red, green, blue))


def _ramp(top: int) -> Shapes:
    """The shades of weights, from 0 to the largest."""
    steps = [tuple(int(c) for c in _shades(np.array(share / 10), 1.0)) for share in range(11)]
    shades: Shapes = [Rectangle(GAP + n * CELL, top, CELL, CELL, (r, g, b)) for n, (r, g, b) in enumerate(steps)]
    return [*shades, Words(GAP + 12 * CELL, top, "weights from 0 to the largest of the head")]


def _mask(due: Any, kept: Any) -> Colours:
    colours = np.empty((*due.shape, 3), np.uint8)
    seen, hidden = kept == KeyState.SEEN, kept == KeyState.HIDDEN
    places = ((SEEN, due & seen), (HIDDEN, ~due & hidden), (LEAKED, ~due & seen), (LOST, due & hidden))
    for colour, where in (*places, (NAN, kept == KeyState.NAN), (INFINITE, kept == KeyState.INFINITE)):
        colours[where] = colour
    return colours


def _shades(weights: Any, largest: float) -> Colours:
    """From paper at 0 to ink at the largest."""
    level = np.clip(np.nan_to_num(weights, posinf=0.0, neginf=0.0) / (largest or 1.0), 0.0, 1.0)[..., None]
    colours: Colours = np.rint(np.array(PAPER) * (1 - level) + np.array(INK) * level).astype(np.uint8)
    colours[np.isnan(weights)], colours[np.isinf(weights)] = NAN, INFINITE
    return colours
