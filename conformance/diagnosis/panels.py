"""Mask and weights, due and read, as small data that a report can carry and a page can draw.

The smallest failing case is shrunk until it has a key or two, and then shows little. So the case is also built at the sizes
at which masks are compared, with the same options and values, and the picture on which most is wrong is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...adapters.contract import Implementation
from ..problems.structure import Structure
from .mask import SIZES
from .xray import Xray, take

__all__ = ["KEYS", "ROWS", "pictures"]

ROWS, KEYS = 24, 32
"""The largest picture."""

NAN = 255
"""The level of a weight that is NaN; 0 to 254 are shares of the largest."""


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
    # The head on which most keys leak or are lost, then that with the largest difference of a weight; the first of equals.
    picture, case = max(taken, key=lambda pair: (pair[0].leaked + pair[0].lost, _apart(pair[0])))
    largest = max(_most(picture.due_weights), _most(picture.weights))
    return {
        "case": case.query(),
        "title": picture.title,
        "queries": picture.mask.shape[0],
        "keys": picture.mask.shape[1],
        "mask_due": _bits(picture.due_mask),
        "mask_read": _bits(picture.mask),
        "weights_due": _levels(picture.due_weights, largest),
        "weights_read": _levels(picture.weights, largest),
        "largest": float(f"{largest:.4g}"),
    }


def _cases(structure: Structure) -> Iterator[Structure]:
    """The case itself, if it is small enough, and the same at sizes that tell more."""
    if 0 < structure.sq <= ROWS and 0 < structure.sk <= KEYS:
        yield structure
    for sq, sk in SIZES:
        yield replace(structure, b=1, sq=sq, sk=sk)


def _taken(made: Implementation, structure: Structure, record: Callable[[Structure], None]) -> list[Xray]:
    record(structure)
    try:
        return take(made, structure)
    except ValueError:  # refused, raised, or options that do not fit these sizes
        return []


def _apart(picture: Xray) -> float:
    return float("inf") if np.isnan(picture.weights).any() else picture.apart


def _most(weights: NDArray[np.float64]) -> float:
    return float(np.max(weights[np.isfinite(weights)], initial=0.0))


def _bits(mask: NDArray[np.bool_]) -> list[str]:
    return ["".join("1" if seen else "0" for seen in row) for row in mask]


def _levels(weights: NDArray[np.float64], largest: float) -> list[str]:
    """Two hexadecimal digits a weight."""
    share = np.clip(np.nan_to_num(weights / (largest or 1.0), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    levels = np.where(np.isnan(weights), NAN, np.rint(share * (NAN - 1))).astype(np.uint8)
    return [bytes(row).hex() for row in levels]
