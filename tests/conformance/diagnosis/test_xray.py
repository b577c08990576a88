"""An X-ray shows the mask and the weights that a kernel has, whatever it returns."""

from __future__ import annotations

import struct
import zlib
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.diagnosis.pictures import CELL, GAP, LEAKED, SEEN, png, svg
from attnspec.conformance.diagnosis.xray import Xray, blocks, take
from attnspec.conformance.problems.structure import Structure
from attnspec.reference.faults.catalogue import as_callable

CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}


def taken(name: str, heads: list[int] | None = None, **options: Any) -> list[Xray]:
    sizes = {key: options.pop(key) for key in ("hq", "hkv", "sq", "sk") if key in options}
    structure = Structure(**{"sq": 4, "sk": 20, "d": 16, "dv": 16, **sizes}, options=options, values="normal")
    return take(implementation_of(as_callable(name), name="kernel", conventions=CONVENTIONS), structure, heads)


def test_the_definition_is_drawn_as_due() -> None:
    for picture in taken("correct", causal=True, window=(2, 1), sinks="normal", softcap=5.0, alibi_slopes="geometric", hq=2):
        assert (picture.leaked, picture.lost) == (0, 0)
        assert np.array_equal(picture.mask, picture.due_mask) and picture.mask.any() and not picture.mask.all()
        assert picture.apart <= 2.0**-24


def test_mistakes_are_seen() -> None:
    leaked = taken("causal-off-by-one", causal=True)[0]
    assert (leaked.leaked, leaked.lost) == (4, 0)
    assert blocks(leaked)[4].endswith("   ■+··················")
    lost = taken("last-key-dropped")[0]
    assert (lost.leaked, lost.lost) == (0, 4)
    first = taken("mask-of-first-head", mask="random:1hqk", hq=2)
    assert (first[0].leaked + first[0].lost, first[1].leaked + first[1].lost > 0) == (0, True)
    scaled = taken("scale-twice")[0]
    assert scaled.leaked == scaled.lost == 0 and scaled.apart > 0.01


def test_what_cannot_be_drawn_is_said() -> None:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        raise RuntimeError("no such shape")

    structure = Structure(sq=2, sk=2, d=4, options={"window": (1, 0)})
    with pytest.raises(ValueError, match="window is not an option of attend; its options are causal"):
        take(implementation_of(attend), structure)
    with pytest.raises(ValueError, match="cannot be read: RuntimeError: no such shape"):
        take(implementation_of(attend), Structure(sq=2, sk=2, d=4))
    with pytest.raises(ValueError, match="no head 3; the heads are 0 to 0"):
        taken("correct", heads=[3])


def test_the_files_hold_the_picture() -> None:
    pictures = taken("causal-off-by-one", causal=True, hq=2)
    document = ElementTree.fromstring(svg(pictures))
    texts = [each.text for each in document.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:4] == [f"{title}, head 0 of 2" for title in ("mask due", "mask kept", "weights due", "weights read")]
    red = "#" + "".join(f"{c:02x}" for c in LEAKED)
    assert sum(each.get("fill") == red for each in document.iter("{http://www.w3.org/2000/svg}rect")) == 8

    data = png(pictures)
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (4 * (20 * CELL + GAP), 2 * (4 * CELL + GAP))
    length = struct.unpack(">I", data[33:37])[0]
    pixels = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(height, 1 + 3 * width)[:, 1:]
    cells = pixels.reshape(height, width, 3)[GAP::CELL][:4, GAP + 20 * CELL + GAP :: CELL]
    assert tuple(cells[0, 0]) == SEEN and tuple(cells[0, 1]) == LEAKED
