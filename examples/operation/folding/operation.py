"""The record of folding."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnspec.conformance.operations import Operation, Size
from attnspec.conformance.problems.descriptors import flag, number, pattern
from attnspec.conformance.problems.option import Option
from attnspec.reference.faults.making import Defined

from .definition import fold, judge
from .faults import definition


def contents(*, whole: bool) -> Any:
    def drawn(s: Any) -> dict[str, Any]:
        def one(name: str) -> Any:
            return s.stream(name).integers(-3, 4, s.shapes[name]).astype(np.float64) if whole else s.normal(name)

        return {name: one(name) for name in s.shapes}

    return drawn


def judged(p: Any, arithmetic: Any, random_signs: bool, options: Any) -> Any:
    return judge(*p.arrays.values(), unit=arithmetic.u_acc, **options)


def drawn_factors(value: Any, s: Any, arrays: Any) -> dict[str, Any]:
    low = -1.0 if value == "signed" else 0.5
    return {"factors": s.stream("factors").uniform(low, 2.0, s.lengths["r"]).astype(np.float32)}


FOLDING = Operation(
    name="folding",
    exact=lambda p, options: fold(*p.arrays.values(), **options),
    judge=judged,
    own_errors=lambda p, exact, judged, options: (2.0**-50 * exact.added, 2.0**-50 * exact.size),
    sizes={"n": Size(), "r": Size(), "t": Size()},
    contents={"whole": contents(whole=True), "normal": contents(whole=False)},
    options={
        "gain": Option(number(lambda x: True, "a finite number", default=1.0), "a gain", (2.0, 0.5, 0.0)),
        "factors": Option(pattern(("positive", "signed")), "factors", ("positive", "signed"), make=drawn_factors),
        "return_size": Option(flag, on_request=True),
    },
    conventions=("offset_gained",),
    definition=Defined(definition, conventions=("offset_gained",)),
    sums=True,
)
