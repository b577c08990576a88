"""X-rays as files: SVG for a page, PNG for anything else, written by hand so that no drawing library is needed.

Each head is one row of four panels: the mask that is due and the one that is kept, the weights that are due and those read.
PNG: ISO/IEC 15948, 8-bit RGB, no filter.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from .xray import Xray

__all__ = ["png", "svg"]

CELL, GAP, TEXT = 8, 16, 14
"""Pixels: a cell, the space between panels, a line of text."""

SEEN, HIDDEN, LEAKED, LOST = (0x33, 0x55, 0x88), (0xEE, 0xEE, 0xEE), (0xCC, 0x22, 0x22), (0xE6, 0x9F, 0x00)
INK, PAPER, BROKEN = (0x22, 0x22, 0x22), (0xFF, 0xFF, 0xFF), (0xCC, 0x22, 0xCC)
"""Colours. BROKEN: a weight that is NaN."""

Colours = NDArray[np.uint8]


def panels(picture: Xray) -> list[tuple[str, Colours]]:
    """Title and colours (Sq, Sk, 3) of the four panels."""
    exact, read = picture.due_weights, picture.weights
    largest = max(float(np.max(exact, initial=0.0)), float(np.max(np.nan_to_num(read), initial=0.0))) or 1.0
    return [
        ("mask due", _mask(picture.due_mask, picture.due_mask)),
        ("mask kept", _mask(picture.due_mask, picture.mask)),
        ("weights due", _shades(exact / largest)),
        ("weights read", _shades(read / largest)),
    ]


def svg(pictures: Sequence[Xray]) -> str:
    """The pictures as one SVG document."""
    parts, top, right = [], GAP, 0
    for picture in pictures:
        left = GAP
        for title, colours in panels(picture):
            rows, columns = colours.shape[:2]
            parts.append(f'<text x="{left}" y="{top + TEXT - 4}">{escape(title)}, {escape(picture.title)}</text>')
            parts += _rectangles(colours, left, top + TEXT)
            left += max(columns * CELL, len(title + picture.title) * TEXT // 2 + TEXT) + GAP
        right, top = max(right, left), top + TEXT + rows * CELL + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{right}" height="{top}" font-family="monospace" font-size="11">'
    return "\n".join([head, f'<rect width="{right}" height="{top}" fill="{_hex(PAPER)}"/>', *parts, "</svg>", ""])


def png(pictures: Sequence[Xray]) -> bytes:
    """The pictures as one PNG, without text."""
    rows = []
    for picture in pictures:
        grown = [colours.repeat(CELL, 0).repeat(CELL, 1) for _, colours in panels(picture)]
        rows.append(np.concatenate([_framed(x) for x in grown], axis=1))
    width = max(row.shape[1] for row in rows)
    wide = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER[0]) for row in rows]
    return _encoded(np.concatenate(wide, axis=0))


def _rectangles(colours: Colours, left: int, top: int) -> list[str]:
    """One rectangle for each run of equal cells of a row."""
    parts = []
    for i, row in enumerate(colours):
        starts = [0, *(np.flatnonzero((row[1:] != row[:-1]).any(-1)) + 1), len(row)] if len(row) else []
        for start, stop in pairwise(starts):
            place = f'x="{left + int(start) * CELL}" y="{top + i * CELL}" width="{int(stop - start) * CELL}" height="{CELL}"'
            parts.append(f'<rect {place} fill="{_hex(row[start])}"/>')
    return parts


def _mask(due: Any, kept: Any) -> Colours:
    colours = np.empty((*due.shape, 3), np.uint8)
    for colour, where in ((SEEN, due & kept), (HIDDEN, ~due & ~kept), (LEAKED, ~due & kept), (LOST, due & ~kept)):
        colours[where] = colour
    return colours


def _shades(share: Any) -> Colours:
    """From paper at 0 to ink at 1."""
    strange, level = np.isnan(share), np.clip(np.nan_to_num(share), 0.0, 1.0)[..., None]
    colours = np.rint(np.array(PAPER) * (1 - level) + np.array(INK) * level).astype(np.uint8)
    colours[strange] = BROKEN
    return colours


def _framed(x: Colours) -> Colours:
    return np.pad(x, ((GAP, 0), (GAP, 0), (0, 0)), constant_values=PAPER[0])


def _encoded(x: Colours) -> bytes:
    height, width = x.shape[:2]
    lines = b"".join(b"\0" + row.tobytes() for row in x)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _hex(colour: Any) -> str:
    return "#" + "".join(f"{int(c):02x}" for c in colour)
