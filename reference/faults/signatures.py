"""How faults are called: with the options of their operation by name, on NumPy arrays, each result rounded once.

The signature is the claim, so it is the one that the operation states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, Signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...spec.operations import operations
from ...spec.shapes import results_of
from ..rounding import DTYPES, round_to
from .making import Function, returned_in

__all__ = ["called_as_stated", "rounded", "signature_of"]


def called_as_stated(operation: str, function: Function, kept: Mapping[str, str]) -> Callable[..., Any]:
    """A function in float64 as an implementation: with the arguments and options that the operation states, and its results.

    function: takes them, and the conventions of `kept` too, and gives what has the results as attributes, and the dtype that
    the output gets instead of that of the first array, if it says one.
    """
    signature, results = signature_of(operation), results_of(operation)
    defaults = {name: each.default for name, each in signature.parameters.items() if each.default is not Parameter.empty}
    due = len(signature.parameters) - len(defaults)

    def attend(*arrays: Any, **options: Any) -> Any:
        if len(arrays) != due or not options.keys() <= defaults.keys():  # An array by its name, or a call that is an error.
            given = signature.bind(*arrays, **options)
            arrays, options = given.args, given.kwargs
        options = {**defaults, **options}
        with np.errstate(all="ignore"):
            answer = function(*arrays, **options, **kept)
        returned = returned_in(arrays[0].dtype.name)
        groups: dict[str, list[Any]] = {}
        for name, result in results.items():
            if not result.asked or options[result.asked]:
                own = getattr(answer, "dtype", None) if name == next(iter(results)) else None
                dtype = result.dtype or own or returned
                groups.setdefault(result.asked or name, []).append(rounded(getattr(answer, name), dtype))
        found = [group[0] if len(group) == 1 else tuple(group) for group in groups.values()]
        return found[0] if len(found) == 1 else tuple(found)

    attend.__signature__ = signature  # type: ignore[attr-defined]
    return attend


@cache
def signature_of(operation: str, among: tuple[str, ...] | None = None, first: tuple[str, ...] = ()) -> Signature:
    """Arguments by position, options by name with the defaults that are stated.

    among: the only options. first: arguments before those that are stated.
    """
    stated = operations()[operation]
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=option["default"])
        for name, option in stated["options"].items()
        if among is None or name in among
    ]
    return Signature([*(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in (*first, *stated["arguments"])), *options])


def rounded(x: Any, dtype: str) -> NDArray[Any]:
    """x in a dtype, rounded once."""
    with np.errstate(all="ignore"):
        return round_to(x, dtype).astype(DTYPES[dtype])
