"""The options of random feature attention. Projections are drawn in projections."""

from __future__ import annotations

from ...problems.descriptors import StructureError, flag, one_of, whole, whole_number
from ...problems.option import Option, Options
from ..over_heads.options import CAUSAL, SCALE, SEED, completed, pattern_or
from .projections import FEATURE_COUNTS, PROJECTIONS, draw_given_projection

__all__ = ["OPTIONS"]


def _projected(given: object) -> str:
    word, _, count = str(given).partition(":")
    one_of(word, PROJECTIONS, "pattern")
    if not count:
        raise StructureError(f"it says no number of features; write {word}:<rows>, as in {word}:16")
    return f"{word}:{whole(count, 1)}"


OPTIONS: Options = {
    "scale": SCALE,
    "causal": CAUSAL,
    "projection": Option(
        _projected, drawn=PROJECTIONS, part=pattern_or(_projected, PROJECTIONS), complete=completed(FEATURE_COUNTS),
        make=lambda value, s, arrays: {"projection": draw_given_projection(str(value), s)},
        apart=("num_features", "orthogonal"), shown=("normal:16", "normal:8"),
    ),
    "num_features": Option(whole_number(1), drawn=FEATURE_COUNTS, on_request=True),
    "orthogonal": Option(flag, on_request=True),
    "dropout_seed": SEED,
}  # fmt: skip
"""By the key that a case prints, in printing order."""
