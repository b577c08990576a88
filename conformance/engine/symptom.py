"""What a broken relation looks like: which entries break it, and what stands there on either side.

Two failures of one law are of one kind only if they look alike. NaN where a number is due and 0 where NaN is due both break an
equation at the same places, and are opposite mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Symptom", "kinds_of"]


def kinds_of(values: Any) -> frozenset[str]:
    """The kinds of numbers among some values: nan, inf, -inf, and zero or finite for the others, zero if all of these are 0."""
    x = np.asarray(values, dtype=np.float64)
    finite = x[np.isfinite(x)]
    found: dict[str, Any] = {"nan": np.isnan(x).any(), "inf": np.isposinf(x).any(), "-inf": np.isneginf(x).any()}
    found |= {"zero": finite.size and not finite.any(), "finite": finite.any()}
    return frozenset(kind for kind, there in found.items() if there)


@dataclass(frozen=True, eq=False)
class Symptom:
    """broken: bool, which entries break a relation. left, right: float64 of the same shape, the two sides."""

    broken: Any
    left: Any
    right: Any

    @property
    def kinds(self) -> tuple[frozenset[str], frozenset[str]]:
        """The kinds of numbers that stand on the left and on the right where the relation is broken."""
        return kinds_of(self.left[self.broken]), kinds_of(self.right[self.broken])

    def like(self, other: Symptom, *, varies: bool = False) -> bool:
        """Whether another failure of the same law on the same problem looks the same.

        The kinds of numbers are the same; so are, unless answers vary from call to call, most places, and the sign of most
        differences.
        """
        if self.broken.shape != other.broken.shape or self.kinds != other.kinds:
            return False
        if varies:
            return True
        both = self.broken & other.broken
        with np.errstate(invalid="ignore"):
            signs = np.sign(self.left - self.right)[both], np.sign(other.left - other.right)[both]
        told = np.isfinite(signs[0]) & np.isfinite(signs[1])
        alike = not told.any() or 2 * np.count_nonzero((signs[0] == signs[1])[told]) > np.count_nonzero(told)
        return bool(2 * both.sum() >= max(self.broken.sum(), other.broken.sum()) and alike)
