"""Two mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnspec.reference.faults.making import fault

from .definition import fold


def definition() -> Any:
    return lambda rows, columns, offset, *, return_size=False, **options: fold(rows, columns, offset, **options)


@fault("folding-offset-forgotten")
def _offset_forgotten() -> Any:
    return lambda rows, columns, offset, **options: definition()(rows, columns, 0 * offset, **options)


@fault("folding-factors-squared")
def _factors_squared() -> Any:
    def squared(rows: Any, columns: Any, offset: Any, *, factors: Any = None, **options: Any) -> Any:
        twice = None if factors is None else np.asarray(factors, dtype=np.float64) ** 2
        return definition()(rows, columns, offset, factors=twice, **options)

    return squared
