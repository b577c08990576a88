"""The sizes of attention over heads, and what it makes of its arrays."""

from __future__ import annotations

from ..sizes import Size

__all__ = ["HEADS", "SCORES"]

FEATURES = 1 << 16
"""The most features of a query or a value: those of real models are below 1,000."""

HEADS = {
    "b": Size(),
    "hq": Size(multiple_of="hkv", why="each key/value head serves the same number of query heads"),
    "hkv": Size(),
    "sq": Size(least=0),
    "sk": Size(least=0),
    "d": Size(most=FEATURES),
    "dv": Size(most=FEATURES, like="d"),
}
"""Those of every kind of attention over heads, in the order in which a case prints them. There may be no query and no key."""

SCORES = {"scores": ("b", "hq", "sq", "sk")}
"""What every kind of attention over heads makes of its arrays: one number for each query and key."""
