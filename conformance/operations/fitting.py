"""A record from elsewhere is tried once when it is registered: what does not fit what its folder states is said then.

The smallest problem is built, and the definition and its bounds are asked about it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...spec.nearest import nearest
from ...spec.shapes import sizes_in
from .operation import Operation

__all__ = ["check_record", "small_sizes"]

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)


def check_record(operation: Operation) -> None:
    """Raise ValueError where the record does not fit what is stated, naming what it is about."""
    from ...reference.arithmetic import REFERENCE
    from ...spec.operations import operations
    from ..problems.build import build
    from ..problems.structure import Structure

    name, stated = operation.name, operations()[operation.name]["options"]
    own = {each for option_name, option in operation.options.items() for each in option.stands_for or (option_name,)}
    for option in sorted(own ^ set(stated)):
        lacking = "operation.yaml" if option in own else "record"
        near = nearest(option, (own | set(stated)) - {option})
        raise ValueError(f"{name}: the {lacking} has no option {option!r}, which the other one has{near}")
    arrays = {**operation.arguments, **({} if operation.widths else {n: r.axes for n, r in operation.results.items()})}
    for array, axes in arrays.items():
        for size in sizes_in(axes):
            if size not in operation.sizes:
                known = ", ".join(operation.sizes)
                raise ValueError(f"{name}: {array} has an axis {size!r}, which is no size of the record; its sizes are {known}")
    for values, content in operation.contents.items():
        structure = Structure(operation=name, sizes=small_sizes(operation), values=values)
        drawn = content(structure)
        shapes = {array: getattr(drawn.get(array), "shape", None) for array in operation.arguments}
        if shapes != structure.shapes:
            raise ValueError(f"{name}: contents[{values!r}] gives the shapes {shapes}, where {structure.shapes} are due")
    if operation.reduces is not None:
        return  # What it reduces to has been tried, and answers for it.
    p = build(structure)
    exact = operation.exact(p, {})
    found = _has(exact, tuple(operation.results), f"{name}: exact")
    judged = operation.judge(p, REFERENCE, False, {})
    bounded = ("out",) if operation.of_heads else tuple(operation.results)  # Weights are read through V, with its bounds.
    _has(judged, tuple(f"{each}{end}" for each in bounded for end in ("", "_bound")), f"{name}: judge")
    _check_own_errors(name, operation.own_errors(p, exact, lambda: judged, {}), found)
    for each, value in found.items():
        due = None if operation.widths else tuple(p.sizes[size] for size in sizes_in(operation.results[each].axes))
        if due is not None and getattr(value, "shape", None) != due:
            raise ValueError(f"{name}: exact gives {each} of shape {getattr(value, 'shape', None)}, where {due} is stated")


def small_sizes(operation: Operation) -> dict[str, int]:
    """Small sizes that are all different, so that axes that are exchanged show."""
    made: dict[str, int] = {}
    for number, (name, size) in enumerate(sorted(operation.sizes.items(), key=lambda each: bool(each[1].multiple_of))):
        wish = 2 * made[size.multiple_of] if size.multiple_of else PRIMES[number % len(PRIMES)]
        made[name] = max(size.least, wish if size.most is None else min(wish, size.most))
    return made


def _check_own_errors(name: str, errors: Any, results: dict[str, Any]) -> None:
    if not isinstance(errors, tuple) or not 1 <= len(errors) <= len(results):
        told = f"{len(errors)} of them" if isinstance(errors, tuple) else f"a {type(errors).__name__}"
        raise ValueError(
            f"{name}: own_errors gives {told}, where a tuple is due: errors of {', '.join(results)}, in this order"
        )
    for each, error in zip(results, errors, strict=False):
        has = np.shape(results[each])
        if np.shape(error) not in ((), has):
            raise ValueError(f"{name}: own_errors gives an error of shape {np.shape(error)} for {each}, which has {has}")


def _has(given: Any, names: tuple[str, ...], place: str) -> dict[str, Any]:
    lacking = [each for each in names if not hasattr(given, each)]
    if lacking:
        raise ValueError(f"{place} gives no {', '.join(lacking)}")
    return {each: getattr(given, each) for each in names}
