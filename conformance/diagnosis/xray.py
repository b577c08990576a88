"""The mask and the weights of an implementation as a picture: read through V, beside what is due.

The problem is drawn once for the sizes and options that were asked for, with ordinary numbers, so that the picture shows the
kernel and not the data. The mask is exact; weights are shown as shades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..meaning import attended
from ..problems.build import build
from ..problems.structure import Structure
from ..vocabulary.word import Undecided
from .mask import MARKS, beside, mask_block
from .reading import ADDED, read_mask, read_weights

__all__ = ["SHADES", "Xray", "blocks", "take"]

SHADES = " ░▒▓█"
"""Weights from 0 to the largest of the picture."""

FEATURES = 16
"""Value features of the problem: one call reads so many keys."""


@dataclass(frozen=True, eq=False)
class Xray:
    """One head: due_mask, mask bool (Sq, Sk); due_weights, weights float64 (Sq, Sk); title says of what."""

    title: str
    due_mask: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    due_weights: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def leaked(self) -> int:
        """Keys that are seen though hidden."""
        return int((self.mask & ~self.due_mask).sum())

    @property
    def lost(self) -> int:
        """Keys that are hidden though due."""
        return int((~self.mask & self.due_mask).sum())

    @property
    def apart(self) -> float:
        """The largest difference of a weight from what is due."""
        return float(np.max(np.abs(self.weights - self.due_weights), initial=0.0))


def take(made: Implementation, structure: Structure, heads: list[int] | None = None) -> list[Xray]:
    """Pictures of some heads of the first batch entry, all of them where `heads` is None.

    Raises ValueError, with a sentence, for an option that the implementation lacks, a problem that it refuses, a head that
    is not there, and where it raises.
    """
    conventions = {name: choice for name, (choice, _) in settled(made).items()}
    missing = sorted(set(_options(structure)) - made.options)
    if missing:
        known = ", ".join(sorted(made.options)) or "none"
        raise ValueError(f"{', '.join(missing)} is not an option of {made.name}; its options are {known}")
    chosen = list(range(structure.hq)) if heads is None else heads
    wrong = [head for head in chosen if not 0 <= head < structure.hq]
    if wrong:
        raise ValueError(f"there is no head {wrong[0]}; the heads are 0 to {structure.hq - 1}")
    p = build(replace(structure, operation=made.operation), conventions)
    subject = Subject(made, structure.dtype, conventions)
    try:
        mask, weights = read_mask(subject, p), read_weights(subject, p)
    except NotClaimed as refusal:
        raise ValueError(f"{made.name} refuses this problem: {refusal}") from None
    except (Raised, Broken, Undecided) as error:
        raise ValueError(f"{made.name} cannot be read: {error}") from None
    due, exact = attended(p.but(**dict.fromkeys(ADDED))).visible, attended(p).weights
    if conventions.get("empty_rows") != "zeros":  # what a row gives that sees no key is then no sign of a mask
        mask = np.where(due.any(-1, keepdims=True), mask, due)
    return [
        Xray(f"head {head} of {structure.hq}", due[0, head], mask[0, head], exact[0, head], weights[0, head]) for head in chosen
    ]


def _options(structure: Structure) -> Mapping[str, Any]:
    """Options by the names of the contract."""
    given: dict[str, Any] = dict(structure.described)
    if "segments" in given:
        given.pop("segments")
        given |= {"q_segments": 1, "kv_segments": 1}
    return given


def blocks(picture: Xray) -> list[str]:
    """Lines for a terminal: mask due and kept, weights due and read."""
    largest = max(float(np.max(picture.due_weights, initial=0.0)), float(np.max(np.nan_to_num(picture.weights), initial=0.0)))
    seen, hidden, leaked, lost = MARKS.values()
    width = picture.due_mask.shape[1]
    lines = [picture.title, "", "mask", _heading(width, "due", "kept")]
    lines += beside(mask_block(picture.due_mask, picture.due_mask), mask_block(picture.due_mask, picture.mask))
    counted = f"{leaked} seen though hidden: {picture.leaked}, {lost} hidden though due: {picture.lost}"
    lines.append(f"{seen} seen, {hidden} hidden, {counted}")
    lines += ["", "weights", _heading(width, "due", "read")]
    lines += beside(_shaded(picture.due_weights, largest), _shaded(picture.weights, largest))
    return [*lines, f"{SHADES[-1]} is {largest:.3g}; largest difference {picture.apart:.3g}"]


def _heading(width: int, left: str, right: str) -> str:
    return f"{left:<{max(width, len(left))}}   {right}"


def _shaded(weights: Any, largest: float) -> list[str]:
    steps = np.ceil(np.clip(weights / (largest or 1.0), 0.0, 1.0) * (len(SHADES) - 1))
    return ["".join("?" if np.isnan(x) else SHADES[int(x)] for x in row) for row in steps]
