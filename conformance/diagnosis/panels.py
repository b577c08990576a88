"""Mask and weights, due and read, as small data that a report can carry and a page can draw.

The smallest failing case is shrunk until it has a key or two, and then shows little. So the case is also built at the sizes
at which masks are compared, with the same options and values, and the picture on which most is wrong is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...adapters.contract import Implementation
from ..problems.structure import Structure
from .mask import SIZES
from .reading import KeyState
from .xray import Xray, most, take

__all__ = ["KEYS", "ROWS", "pictures"]

ROWS, KEYS = 24, 32
"""The largest picture."""

NAN = 255
"""The level of a weight that is NaN; 0 to 254 are shares of the largest. Infinite ones have 254, and stand in `infinite`."""

STATES = {KeyState.HIDDEN: "0", KeyState.SEEN: "1", KeyState.NAN: "n", KeyState.INFINITE: "i"}
"""What a mask that was read says of a key, as a letter."""


def pictures(
    made: Implementation, structure: Structure, record: Callable[[Structure], None] = lambda case: None
) -> dict[str, Any] | None:
    """The picture of one head as plain data, or None where nothing can be read (refused, raised, or too large).

    structure: the smallest case that failed. record: called with each case before it runs. Keys of the result: see
    report.schema.json.
    """
    taken = [(each, case) for case in _cases(structure) for each in _taken(made, case, record)]
    if not taken:
        return None
    # The head on which most keys leak, are lost or cannot be read, then that with the most weights that are no numbers, then
    # that with the largest difference of a weight; the first of equals.
    picture, case = max(taken, key=lambda pair: (_wrong_keys(pair[0]), pair[0].strange, pair[0].apart))
    largest, infinite = most(picture), np.isinf(picture.weights)
    return {
        "case": case.query(),
        "title": picture.title,
        "queries": picture.mask.shape[0],
        "keys": picture.mask.shape[1],
        "mask_due": _letters(picture.due_mask),
        "mask_read": _letters(picture.mask),
        "weights_due": _levels(picture.due_weights, largest),
        "weights_read": _levels(picture.weights, largest),
        "largest": float(f"{largest:.4g}"),
        **({"infinite": _letters(infinite)} if infinite.any() else {}),
    }


def _cases(structure: Structure) -> Iterator[Structure]:
    """The case itself, if it is small enough, and the same at sizes that tell more."""
    if 0 < structure.sq <= ROWS and 0 < structure.sk <= KEYS:
        yield structure
    for sq, sk in SIZES:
        yield structure.sized(b=1, sq=sq, sk=sk)


def _taken(made: Implementation, structure: Structure, record: Callable[[Structure], None]) -> list[Xray]:
    record(structure)
    try:
        return take(made, structure)
    except ValueError:  # refused, raised, or options that do not fit these sizes
        return []


def _wrong_keys(picture: Xray) -> int:
    return picture.leaked + picture.lost + picture.unreadable


def _letters(states: NDArray[Any]) -> list[str]:
    return ["".join(STATES[KeyState(int(state))] for state in row) for row in states]


def _levels(weights: NDArray[np.float64], largest: float) -> list[str]:
    """Two hexadecimal digits a weight."""
    share = np.clip(np.nan_to_num(weights / (largest or 1.0), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    levels = np.where(np.isnan(weights), NAN, np.rint(share * (NAN - 1))).astype(np.uint8)
    return [bytes(row).hex() for row in levels]
