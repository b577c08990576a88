"""How large the problem of a case is, read off its address: a reader wants the smallest."""

from __future__ import annotations

from urllib.parse import parse_qsl

__all__ = ["case_size"]

SIZES = ("b", "hq", "hkv", "sq", "sk", "d", "dv")

PLAIN = ("dtype", "values", "seed", *SIZES)
"""Keys that every case has; each other one is an option of the problem."""


def case_size(case: str | None) -> tuple[float, int]:
    """Scores and options of a case; that of a result without a problem is infinite."""
    query = dict(parse_qsl((case or "").partition("?")[2], keep_blank_values=True))
    counts = [query.get(name, "1") for name in ("b", "hq", "sq", "sk")]
    if not query or not all(count.isdigit() for count in counts):
        return (float("inf"), 0)
    scores = 1
    for count in counts:
        scores *= int(count)
    return (scores, sum(name not in PLAIN for name in query))
