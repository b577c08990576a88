"""What a misspelt name may have meant, for the end of a message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["nearest"]

ALIKE = 0.6
"""How alike two names are at least, as difflib counts it: 0 for nothing in common, 1 for the same."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'causal'?` for the known name that is nearest, or holds the word, or is held by it; or nothing."""
    names = list(known)
    match = get_close_matches(word, names, n=1, cutoff=ALIKE) or [n for n in names if word and (n in word or word in n)][:1]
    return f"; did you mean {match[0]!r}?" if match else ""
