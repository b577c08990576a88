"""An X-ray shows the mask and the weights that a kernel has, whatever it returns."""

from __future__ import annotations

import struct
import zlib
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.diagnosis.drawing import INK
from attnspec.conformance.diagnosis.lettering import lettered
from attnspec.conformance.diagnosis.pictures import CELL, GAP, INFINITE, LEAKED, LEGEND, NAN, png, svg
from attnspec.conformance.diagnosis.reading import KeyState
from attnspec.conformance.diagnosis.xray import Xray, blocks, take, verdict
from attnspec.conformance.problems.structure import Structure
from attnspec.reference.faults.catalogue import as_callable

CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}


def taken(name: str, heads: list[int] | None = None, **options: Any) -> list[Xray]:
    sizes = {key: options.pop(key) for key in ("hq", "hkv", "sq", "sk") if key in options}
    structure = Structure.of(
        **{"sq": 4, "sk": 20, "d": 16, "dv": 16, **sizes}, options=options, values="normal", operation="attention"
    )
    return take(
        implementation_of(as_callable(name, operation="attention"), name="kernel", conventions=CONVENTIONS), structure, heads
    )


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

    structure = Structure.of(sq=2, sk=2, d=4, options={"window": (1, 0)}, operation="attention")
    with pytest.raises(ValueError, match="window is not an option of attend; its options are causal"):
        take(implementation_of(attend), structure)
    with pytest.raises(ValueError, match="cannot be read: RuntimeError: no such shape"):
        take(implementation_of(attend), Structure.of(sq=2, sk=2, d=4, operation="attention"))
    with pytest.raises(ValueError, match="no head 3; the heads are 0 to 0"):
        taken("correct", heads=[3])


def drawn_by(attend: Any, **options: Any) -> list[Xray]:
    structure = Structure.of(sq=4, sk=6, d=16, dv=16, options=options, values="normal", operation="attention")
    return take(implementation_of(attend, name="kernel", conventions=CONVENTIONS), structure)


def softmax(scores: Any) -> Any:
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def scores_of(q: Any, k: Any) -> Any:
    return q @ k.swapaxes(-1, -2) * np.float32(q.shape[-1] ** -0.5)


def test_nan_is_neither_seen_nor_hidden() -> None:
    """A window whose row sees nothing gives NaN: no key of it is seen."""

    def too_narrow(q: Any, k: Any, v: Any, *, window: Any = None) -> Any:
        i, j = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
        with np.errstate(invalid="ignore"):
            return softmax(np.where((j < i) & (j >= i - window[0]), scores_of(q, k), -np.inf)).astype(q.dtype) @ v

    picture = drawn_by(too_narrow, window=(0, 0))[0]
    assert (picture.leaked, picture.lost, picture.unreadable) == (0, 0, 24)
    lines = blocks(picture)
    assert lines[4] == "■·····   ??????" and lines[8].endswith("seen though hidden: 0, − hidden though due: 0, ? NaN: 24")
    assert lines[-2:] == ["█ is 1, ? NaN", "row sums: 1 due, NaN read"] and not picture.right
    assert verdict([picture]).endswith("24 of 24 weights lie outside their bounds, 24 of them NaN or infinite")


def test_infinity_is_neither_seen_nor_hidden() -> None:
    def overflows(q: Any, k: Any, v: Any) -> Any:
        return np.where(v[:, :, 1:2] != 0, np.float32(np.inf), softmax(scores_of(q, k)) @ v)

    picture = drawn_by(overflows)[0]
    assert [list(row).count(KeyState.INFINITE) for row in picture.mask] == [1] * 4 and picture.unreadable == 4
    assert blocks(picture)[4] == "■■■■■■   ■∞■■■■" and "row sums: 1 due, inf read" in blocks(picture)
    assert blocks(picture)[-2].startswith("█ is ") and ", ∞ infinite; largest difference" in blocks(picture)[-2]


def test_a_mistake_about_a_feature_of_values_is_none_of_the_mask() -> None:
    """Each key is read through two features; what one of them loses, or makes infinite, the other shows."""
    for wrong in (0.0, np.inf):

        def kernel(q: Any, k: Any, v: Any, *, causal: bool = False, wrong: float = wrong) -> Any:
            weights = scores_of(q, k)
            out = softmax(np.where(np.tri(q.shape[2], k.shape[2], dtype=bool), weights, -np.inf) if causal else weights) @ v
            out[..., 1] = wrong
            return out

        picture = drawn_by(kernel, causal=True)[0]
        assert (picture.leaked, picture.lost, picture.unreadable) == (0, 0, 0) and picture.wrong.any() and not picture.right


def test_weights_are_judged_as_well_as_the_mask() -> None:
    """Each has the right mask: masked after the softmax without renormalising, no scale, heads permuted."""

    def masked_after(q: Any, k: Any, v: Any, *, causal: bool = False) -> Any:
        return np.where(np.tri(q.shape[2], k.shape[2], dtype=bool), softmax(scores_of(q, k)), np.float32(0)) @ v

    unscaled = drawn_by(lambda q, k, v: softmax(4 * scores_of(q, k)) @ v)
    permuted = drawn_by(lambda q, k, v: softmax(scores_of(q[:, :, ::-1], k)) @ v)
    for pictures in (drawn_by(masked_after, causal=True), unscaled, permuted):
        picture = pictures[0]
        assert (picture.leaked, picture.lost, picture.unreadable) == (0, 0, 0)
        assert picture.wrong.any() and picture.apart > 0.1 and not picture.right
        assert verdict(pictures).splitlines()[0] == "the mask is the one that is due"
        assert "weights lie outside their bounds; the largest difference is 0." in verdict(pictures)
    due, read = drawn_by(masked_after, causal=True)[0].sums
    assert due == "1" and read.startswith("0.") and unscaled[0].sums == ("1", "1")


def test_rounding_of_the_declared_arithmetic_is_not_wrong() -> None:
    """In bfloat16 a weight is off by far more than in float32, and is what the dtype can hold."""
    made = implementation_of(as_callable("correct", operation="attention"), name="kernel", conventions=CONVENTIONS)
    for dtype in ("float32", "float16", "bfloat16"):
        picture = take(made, Structure.of(sq=4, sk=6, d=16, dv=16, dtype=dtype, values="normal", operation="attention"))[0]
        assert picture.right and np.isfinite(picture.bound).all() and (picture.bound > 0).all()
        assert verdict([picture]) == "the mask is the one that is due\nall 24 weights lie within their bounds"


def test_row_sums_are_told_where_they_are_not_one() -> None:
    assert blocks(taken("correct", sinks="normal")[0])[-1].startswith("row sums: 0.")
    assert "row sums" not in blocks(taken("correct")[0])[-1]


def test_the_files_hold_the_picture_with_axes_and_a_legend() -> None:
    pictures = taken("causal-off-by-one", causal=True, hq=2)
    document = ElementTree.fromstring(svg(pictures))
    texts = [each.text for each in document.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "queries down, keys across" and str(texts[1]).startswith("head 0 of 2: largest weight ")
    assert texts[2:11] == ["mask due", "0", "5", "10", "15", "0", "1", "2", "3"]
    assert [*LEGEND, "weights from 0 to the largest of the head"] == texts[-7:]
    red = "#" + "".join(f"{c:02x}" for c in LEAKED)
    assert sum(each.get("fill") == red for each in document.iter("{http://www.w3.org/2000/svg}rect")) == 8 + 1

    data = png(pictures)
    width, height = struct.unpack(">II", data[16:24])
    assert (str(width), str(height)) == (document.get("width"), document.get("height"))
    length = struct.unpack(">I", data[33:37])[0]
    pixels = np.frombuffer(zlib.decompress(data[41 : 41 + length]), np.uint8).reshape(height, 1 + 3 * width)[:, 1:]
    colours = pixels.reshape(height, width, 3)
    assert (colours == LEAKED).all(-1).sum() == 9 * CELL * CELL
    words = lettered("queries down, keys across")
    written = (colours[GAP : GAP + words.shape[0], GAP : GAP + words.shape[1]] == INK).all(-1)
    assert np.array_equal(written, words)


def test_nan_and_infinity_have_colours_of_their_own() -> None:
    picture = drawn_by(lambda q, k, v: np.full((*q.shape[:3], v.shape[-1]), np.nan, q.dtype))[0]
    shapes = [each.get("fill") for each in ElementTree.fromstring(svg([picture])).iter("{http://www.w3.org/2000/svg}rect")]
    assert shapes.count("#" + "".join(f"{c:02x}" for c in NAN)) == 2 * 4 + 1  # a run for each row of two panels, and the legend
    assert shapes.count("#" + "".join(f"{c:02x}" for c in INFINITE)) == 1
