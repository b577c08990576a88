"""A diagnosis as the page shows it: sentences of the terminal's report, and pictures packed to a quarter of their size."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from ..diagnosis import evidence, unexplained
from ..schema import Diagnosis
from ..schema.diagnosis import Pictures

__all__ = ["diagnosis_data"]


def diagnosis_data(found: Diagnosis, *, pictured: bool) -> dict[str, Any]:
    """said: one sentence. fault, title, links, also: of the mistake that it looks like, if there is one.

    pictures: packed, where there are some and `pictured`; True where they are left out. mask: lines, where there is no picture.
    """
    data: dict[str, Any] = {"where": found.where, "factor": found.factor}
    if found.ranked:
        first, *others = found.ranked
        data |= {"fault": first.fault, "title": first.title, "links": first.links}
        data |= {"said": evidence(found.how, first), "also": [other.fault for other in others]}
    else:
        data["said"] = unexplained(found)
    if found.arithmetic:
        rounding = found.arithmetic.sentence
        data["said"] = f"{data['said']}; {rounding}" if found.ranked else f"{rounding}; {data['said']}"
    pictures = found.pictures
    if pictures:
        data["pictures"] = _packed(pictures) if pictured else True
    elif found.mask:
        data["mask"] = found.mask
    return data


def _packed(pictures: Pictures) -> dict[str, Any]:
    """Bits and bytes, row after row, in base 64. mask_nan, mask_infinite, infinite: only where there is NaN or an infinity."""
    kept = {name: getattr(pictures, name) for name in ("case", "title", "queries", "keys", "largest")}
    masks = {"mask_due": _plane(pictures.mask_due, "1"), "mask_read": _plane(pictures.mask_read, "1")}
    rare = {
        "mask_nan": (pictures.mask_read, "n"),
        "mask_infinite": (pictures.mask_read, "i"),
        "infinite": (pictures.infinite or [], "1"),
    }
    masks |= {name: _plane(rows, letter) for name, (rows, letter) in rare.items() if letter in "".join(rows)}
    due, read = (_base64(bytes.fromhex("".join(rows))) for rows in (pictures.weights_due, pictures.weights_read))
    return {**kept, **masks, "weights_due": due, "weights_read": read}


def _plane(rows: Sequence[str], letter: str) -> str:
    """Which cells have a letter, packed."""
    return _base64(_bytes_of_bits("".join("1" if cell == letter else "0" for cell in "".join(rows))))


def _bytes_of_bits(bits: str) -> Sequence[int]:
    """Eight bits a byte, the first the highest; the last byte is filled with 0."""
    return [int(bits[n : n + 8].ljust(8, "0"), 2) for n in range(0, len(bits), 8)]


def _base64(data: bytes | Sequence[int]) -> str:
    return base64.b64encode(bytes(data)).decode()
