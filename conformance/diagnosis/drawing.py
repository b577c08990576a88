"""Rectangles and words as files: SVG for a page, PNG for anything else, so that no drawing library is needed.

PNG: ISO/IEC 15948, 8-bit RGB, no filter.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np

from .lettering import HEIGHT, STEP, lettered

__all__ = ["INK", "PAPER", "Colour", "Rectangle", "Words", "png", "svg"]

Colour = tuple[int, int, int]

INK, PAPER = (0x22, 0x22, 0x22), (0xFF, 0xFF, 0xFF)
"""Of words, and of what nothing stands on."""


@dataclass(frozen=True)
class Rectangle:
    """Pixels from (x, y) on, to the right and down."""

    x: int
    y: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True)
class Words:
    """A line of words whose top left corner is (x, y); each letter takes STEP by HEIGHT pixels."""

    x: int
    y: int
    words: str


Shape = Rectangle | Words


def svg(shapes: Sequence[Shape], width: int, height: int) -> str:
    """An SVG document."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace" font-size="10">'
    paper = Rectangle(0, 0, width, height, PAPER)
    return "\n".join([head, *(_element(shape) for shape in (paper, *shapes)), "</svg>", ""])


def _element(shape: Shape) -> str:
    if isinstance(shape, Words):
        length = STEP * len(shape.words)
        place = f'x="{shape.x}" y="{shape.y + HEIGHT}" textLength="{length}" fill="{_hex(INK)}"'
        return f"<text {place}>{escape(shape.words)}</text>"
    place = f'x="{shape.x}" y="{shape.y}" width="{shape.width}" height="{shape.height}"'
    return f'<rect {place} fill="{_hex(shape.colour)}"/>'


def png(shapes: Sequence[Shape], width: int, height: int) -> bytes:
    """A PNG file."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = PAPER
    for shape in shapes:
        if isinstance(shape, Words):
            dots = lettered(shape.words)
            pixels[shape.y : shape.y + HEIGHT, shape.x : shape.x + dots.shape[1]][dots] = INK
        else:
            pixels[shape.y : shape.y + shape.height, shape.x : shape.x + shape.width] = shape.colour
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{c:02x}" for c in colour)
