"""The mask and the weights of an implementation as a picture: read through V, beside what is due.

The problem is drawn once for the sizes and options that were asked for, with ordinary numbers, so that the picture shows the
kernel and not the data. The mask is exact, where what came is finite. Weights are shown as shades, and are held to the bounds
of the declared arithmetic, as laws hold them: a right mask says nothing about a forgotten scale.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..meaning import attended
from ..operations import operation_named
from ..problems.build import build
from ..problems.structure import Structure
from ..vocabulary.word import Undecided
from .mask import MARKS, STRANGE, beside, mask_block
from .reading import KeyState, read_mask, read_weights, unadded

__all__ = ["FEATURES", "SHADES", "Xray", "blocks", "most", "take", "verdict"]

SHADES = " ░▒▓█"
"""Weights from 0 to the largest of the picture."""

UNREAD = {"nan": "?", "infinite": "∞"}
"""Weights that have no shade."""

FEATURES = 16
"""Value features of the problem: one call reads so many keys."""


@dataclass(frozen=True, eq=False)
class Xray:
    """One head. due_mask: bool (Sq, Sk). mask: a KeyState each. due_weights, weights, bound: float64 (Sq, Sk).

    bound: how far a weight may lie from what is due, infinite where the declared arithmetic promises nothing. wrong: weights
    that no correct implementation of that arithmetic gives. title: of what it is.
    """

    title: str
    due_mask: NDArray[np.bool_]
    mask: NDArray[np.uint8]
    due_weights: NDArray[np.float64]
    weights: NDArray[np.float64]
    bound: NDArray[np.float64]
    wrong: NDArray[np.bool_]

    @property
    def leaked(self) -> int:
        """Keys that are seen though hidden."""
        return int(((self.mask == KeyState.SEEN) & ~self.due_mask).sum())

    @property
    def lost(self) -> int:
        """Keys that are hidden though due."""
        return int(((self.mask == KeyState.HIDDEN) & self.due_mask).sum())

    @property
    def unreadable(self) -> int:
        """Keys of which NaN or an infinity came, so that they are neither seen nor hidden, in rows that see a key."""
        return int(((self.mask > KeyState.SEEN) & self.due_mask.any(-1, keepdims=True)).sum())

    @property
    def right(self) -> bool:
        """Whether the mask is the one that is due and no weight is wrong."""
        return not (self.leaked or self.lost or self.unreadable or self.wrong.any())

    @property
    def apart(self) -> float:
        """The largest difference of a weight from what is due, of those that are finite numbers."""
        known = np.isfinite(self.weights) & np.isfinite(self.due_weights)
        return float(np.max(np.abs(self.weights[known] - self.due_weights[known]), initial=0.0))

    @property
    def strange(self) -> int:
        """Wrong weights that are NaN or infinite."""
        return int((self.wrong & ~np.isfinite(self.weights)).sum())

    @property
    def sums(self) -> tuple[str, str]:
        """The least and the largest row sum in words: due, and read, which is taken as due where no weight is wrong."""
        with np.errstate(invalid="ignore"):
            due, read = self.due_weights.sum(-1), self.weights.sum(-1)
        return _range(due), _range(np.where(self.wrong.any(-1), read, due))


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
        mask, read = read_mask(subject, p), read_weights(subject, p)
    except NotClaimed as refusal:
        raise ValueError(f"{made.name} refuses this problem: {refusal}") from None
    except (Raised, Broken, Undecided) as error:
        raise ValueError(f"{made.name} cannot be read: {error}") from None
    due = attended(unadded(p)).visible
    if conventions.get("empty_rows") != "zeros":  # what a row gives that sees no key is then no sign of a mask
        mask = np.where(due.any(-1, keepdims=True), mask, due)
    with np.errstate(invalid="ignore"):
        bound = np.maximum(read.high - read.value, read.value - read.low)
    parts = (due, mask, read.exact, read.value, bound, read.wrong)
    return [Xray(f"head {head} of {structure.hq}", *(part[0, head] for part in parts)) for head in chosen]


def _options(structure: Structure) -> Mapping[str, Any]:
    """Options by the names of the contract."""
    known = operation_named(structure.operation).options
    return {each: value for name, value in structure.described.items() for each in known[name].stands_for or (name,)}


def verdict(pictures: Sequence[Xray]) -> str:
    """One sentence about the mask and the weights of all pictures."""
    leaked, lost, unreadable = (sum(getattr(x, name) for x in pictures) for name in ("leaked", "lost", "unreadable"))
    said = []
    if leaked or lost or unreadable:
        also = f", {unreadable} NaN or infinite" if unreadable else ""
        said.append("the mask is not the one that is due:")
        said.append(f"  {leaked} keys seen though hidden, {lost} hidden though due{also}")
    else:
        said.append("the mask is the one that is due")
    wrong, count = sum(int(x.wrong.sum()) for x in pictures), sum(x.wrong.size for x in pictures)
    apart = max((x.apart for x in pictures), default=0.0)
    if wrong:
        strange = sum(x.strange for x in pictures)
        but = f", {strange} of them NaN or infinite" if strange else ""
        largest = f"; the largest difference is {apart:.3g}" if wrong > strange else ""
        said.append(f"{wrong} of {count} weights lie outside their bounds{but}{largest}")
    else:
        free = sum(int(np.isinf(x.bound).sum()) for x in pictures)
        but = f", but {free} of them have no bound under the declared arithmetic" if free else ""
        said.append(f"all {count} weights lie within their bounds{but}")
    return "\n".join(said)


def blocks(picture: Xray) -> list[str]:
    """Lines for a terminal: mask due and kept, weights due and read."""
    largest = most(picture)
    seen, hidden, leaked, lost, *_ = MARKS.values()
    width = picture.due_mask.shape[1]
    lines = [picture.title, "", "mask", _heading(width, "due", "kept")]
    lines += beside(mask_block(picture.due_mask, picture.due_mask), mask_block(picture.due_mask, picture.mask))
    counted = [f"{leaked} seen though hidden: {picture.leaked}", f"{lost} hidden though due: {picture.lost}"]
    for state, (name, words) in STRANGE.items():
        count = int((picture.mask == state).sum())
        counted += [f"{MARKS[name]} {words}: {count}"] if count else []
    lines.append(f"{seen} seen, {hidden} hidden, {', '.join(counted)}")
    lines += ["", "weights", _heading(width, "due", "read")]
    lines += beside(_shaded(picture.due_weights, largest), _shaded(picture.weights, largest))
    apart = "" if picture.strange == picture.weights.size else f"; largest difference {picture.apart:.3g}"
    lines.append(f"{SHADES[-1]} is {largest:.3g}{_unread(picture)}{apart}")
    due, read = picture.sums
    return [*lines, f"row sums: {due} due, {read} read"] if due != read or due != "1" else lines


def most(picture: Xray) -> float:
    """The largest finite weight of a picture, due or read."""
    every = np.concatenate([picture.due_weights.ravel(), picture.weights.ravel()])
    return float(np.max(every[np.isfinite(every)], initial=0.0))


def _heading(width: int, left: str, right: str) -> str:
    return f"{left:<{max(width, len(left))}}   {right}"


def _unread(picture: Xray) -> str:
    every = np.stack([picture.due_weights, picture.weights])
    said = [f"{UNREAD['nan']} NaN"] if np.isnan(every).any() else []
    said += [f"{UNREAD['infinite']} infinite"] if np.isinf(every).any() else []
    return "".join(f", {words}" for words in said)


def _shaded(weights: Any, largest: float) -> list[str]:
    return ["".join(_shade(float(x), largest) for x in row) for row in weights]


def _shade(weight: float, largest: float) -> str:
    if not math.isfinite(weight):
        return UNREAD["nan" if math.isnan(weight) else "infinite"]
    return SHADES[math.ceil(min(max(weight / (largest or 1.0), 0.0), 1.0) * (len(SHADES) - 1))]


def _range(sums: Any) -> str:
    """`1`, or `0.0377 to 0.962`, to three digits; NaN and infinities by name."""
    if not np.size(sums):
        return "1"
    if np.isnan(sums).any():
        return "NaN" if np.isnan(sums).all() else f"NaN, and {_range(sums[~np.isnan(sums)])}"
    low, high = f"{sums.min():.3g}", f"{sums.max():.3g}"
    return low if low == high else f"{low} to {high}"
