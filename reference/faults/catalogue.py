"""The faults by name: what the faults.yaml of its operation says of each, joined with the function that makes the mistake.

`as_callable` gives a fault as a plain function on NumPy arrays that the kit can hold its laws against, as it would a
kernel. It computes in float64 and rounds once, so that whatever a law finds is the mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from ...spec.operations import conventions as known_conventions
from ...spec.operations import faults, shipped
from .making import BACKWARDS, MAKERS, Defined, Function, Maker
from .signatures import called_as_stated, rounded, signature_of

__all__ = ["CORRECT", "FAULTS", "OPERATIONS", "Defined", "Fault", "as_callable", "define", "load"]

CORRECT = "correct"
"""The name under which `as_callable` gives the definition itself."""


def _defined(operation: str) -> Defined:
    """What a folder of the reference says of its faults; to import it registers them."""
    found: Defined = import_module(f"..{operation}.faults", __package__).DEFINED
    return found


OPERATIONS = {operation: _defined(operation) for operation in shipped()}
"""The operations by their folders in spec and reference."""


@dataclass(frozen=True)
class Fault:
    """One known mistake.

    title: the mistake in words. operation: the name of a folder of spec. links: where it was made, or what it violates.
    needs: options without which it cannot show; a problem that lacks one of them gets the correct answer.
    make: gives a function(q, k, v, **options) → (out, lse, weights, …) in float64, fresh of anything that it remembers.
    equivalent: a proof that no input can tell it from the definition, or empty.
    dtypes: those in which it can be told from rounding, empty for all; because: the derivation of that.
    unless: choices of conventions under which it is no mistake.
    remembers: whether what it gives depends on the calls before.
    """

    name: str
    title: str
    operation: str
    links: tuple[str, ...]
    needs: tuple[str, ...]
    make: Maker
    about: str = ""
    equivalent: str = ""
    dtypes: tuple[str, ...] = ()
    because: str = ""
    unless: Mapping[str, str] = field(default_factory=dict)
    remembers: bool = False

    def shows_in(self, dtype: str) -> bool:
        """Whether it can be told from rounding in a dtype."""
        return not self.dtypes or dtype in self.dtypes

    @property
    def function(self) -> Function:
        """A fresh function of the fault."""
        return self.make()


def define(operation: str, defined: Defined) -> None:
    """Make known what faults of an operation from elsewhere are made of, and the faults that it states and has registered.

    Raises ValueError as `load` does, and where the operation is defined already.
    """
    if operation in OPERATIONS:
        raise ValueError(f"the operation {operation!r} is defined already")
    found = load()
    OPERATIONS[operation] = defined
    FAULTS.update(found)


def load() -> dict[str, Fault]:
    """The faults in the order of the spec. Raises ValueError for an entry without a maker, and the reverse."""
    return joined(faults(), MAKERS)


def joined(entries: dict[str, dict[str, Any]], makers: dict[str, Maker]) -> dict[str, Fault]:
    """Entries of faults.yaml with their makers. Raises ValueError as `load` does."""
    for name in entries:
        if name not in makers:
            raise ValueError(
                f'faults.yaml states {name!r}, which no @fault("{name}") makes; write it in the faults of its operation'
            )
    for name, maker in makers.items():
        if name not in entries:
            raise ValueError(f"{maker.__module__} makes {name!r}, which has no entry in a faults.yaml of spec; write one")
    return {
        name: Fault(
            name=name,
            title=entry["title"],
            operation=entry["operation"],
            links=tuple(entry["links"]),
            needs=tuple(entry["needs"]),
            make=makers[name],
            about=entry.get("about", ""),
            equivalent=entry.get("equivalent", ""),
            dtypes=tuple(entry.get("dtypes", ())),
            because=entry.get("because", ""),
            unless=entry.get("unless", {}),
            remembers=entry.get("remembers", False),
        )
        for name, entry in entries.items()
    }


FAULTS = load()


def as_callable(name: str, *, operation: str | None = None, **conventions: str) -> Callable[..., Any]:
    """A fault, or `correct`, as a function on NumPy arrays, fresh of anything that it remembers.

    operation: whose definition `correct` is, which needs it; a fault has its own.
    conventions: the choices that it keeps, its mistake aside; the default of the spec where none is given.

    The function takes every option of its operation and returns what that does (`signatures`): outputs in the dtype of q
    (float32 where that is float8), lse in float32, each rounded once from float64. It raises ValueError for arrays that do not
    fit together.

    The definition of attention, and faults of its backward pass, have that as `backward`, a function(dout, q, k, v, **options)
    → (dq, dk, dv) in the dtype of q; for others `backward` is None.

    Raises KeyError for an unknown name or operation.
    """
    of = str(operation) if name == CORRECT else FAULTS[name].operation
    defined, known = OPERATIONS[of], known_conventions()
    kept = {each: conventions.get(each, known[each]["default"]) for each in defined.conventions}
    attend = called_as_stated(of, defined.definition() if name == CORRECT else FAULTS[name].make(), kept)
    attend.__name__ = attend.__qualname__ = name
    backward = defined.differentiated if name == CORRECT else BACKWARDS.get(name)
    attend.backward = None if backward is None else _rounded_backward(backward(), of, kept)  # type: ignore[attr-defined]
    return attend


def _rounded_backward(function: Callable[..., Any], operation: str, kept: dict[str, str]) -> Callable[..., Any]:
    """A backward pass whose gradients are rounded once."""
    signature = signature_of(operation, OPERATIONS[operation].backward_options, first=("dout",))

    def backward(*arrays: Any, **options: Any) -> Any:
        given = signature.bind(*arrays, **options)
        given.apply_defaults()
        with np.errstate(all="ignore"):
            found = function(*given.args, **given.kwargs, **kept)
        return tuple(rounded(x, given.args[1].dtype.name) for x in found)

    backward.__signature__ = signature  # type: ignore[attr-defined]
    return backward
