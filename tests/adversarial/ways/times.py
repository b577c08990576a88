"""Right on some calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any

from .way import Kernel, right, way, zeros


def sometimes(name: str, about: str, wrong: Callable[[int], bool], beyond: str = "") -> None:
    """A way that is wrong on some calls, counted from 0."""

    def make() -> Kernel:
        calls = count()

        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            return zeros(q, v) if wrong(next(calls)) else right(q, k, v, causal=causal, scale=scale)

        return attend

    way(name, about, beyond)(make)


sometimes("wrong at first", "its first answers are zeros, as before a cache is warm", lambda n: n < 8)
sometimes("right at first", "its first twenty answers are right", lambda n: n >= 20)
sometimes("every other", "every other answer is right", lambda n: n % 2 == 1)
sometimes("now and then", "one answer in fifty is wrong", lambda n: n % 50 == 49)
sometimes(
    "right as long as it is watched",
    "its first million answers are right",
    lambda n: n >= 1_000_000,
    beyond="a run makes fewer calls than that, and all of its answers are right",
)


@way(
    "right at that hour",
    "is right while a clock says so",
    beyond="all the answers that it gives in the run are right; run it again, elsewhere and at another time",
)
def _by_the_clock() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return right(q, k, v, causal=causal, scale=scale) if time.time() < 4e9 else zeros(q, v)

    return attend
