"""Names in a sentence that has no room for all of them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["names"]

NAMED = 3
"""Names that stand in a sentence; further ones are counted."""


def names(all_names: Sequence[str]) -> str:
    """The first names, and how many there are besides."""
    shown = [*all_names[:NAMED], *([f"{len(all_names) - NAMED} more"] if len(all_names) > NAMED else [])]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)
