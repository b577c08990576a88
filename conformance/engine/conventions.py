"""Which conventions an implementation is judged under: declared ones, and where it declares none, what a probe finds.

A declared convention can be probed too: a contradiction is a mistake of the adapter, or of the kernel. An operation may have
probes of its own, in the part `probes` of its folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...adapters.contract import Implementation
from ...spec.operations import conventions as known_conventions
from ..meaning import attended
from ..operations import operation_named
from ..operations.fitting import small_sizes
from ..problems.build import build
from ..problems.option import named_in_cases
from ..problems.problem import Problem
from ..problems.structure import Structure
from ..remembered import for_a_run
from .subject import Broken, NotClaimed, Raised, Subject

__all__ = ["as_defined", "contradictions", "probes", "settled", "simplest"]


@for_a_run
def settled(implementation: Implementation) -> dict[str, tuple[str, str]]:
    """Each convention with its choice and how it is known: declared, probed or assumed (the default of the spec).

    `name with option` stands behind `name`, where it is declared for calls with the option alone.
    """
    found: dict[str, tuple[str, str]] = {}
    operation = operation_named(implementation.operation)
    for name, entry in known_conventions().items():
        if implementation.operation not in entry["operations"] and not operation.of_heads:
            continue
        if name in implementation.conventions:
            found[name] = (implementation.conventions[name], "declared")
        else:
            choice = _probed(name, implementation)
            found[name] = (choice or entry["default"], "probed" if choice else "assumed")
    declared = implementation.conventions
    return found | {name: (declared[name], "declared") for name in declared if " with " in name}


def probes(implementation: Implementation) -> bool:
    """Whether settling the conventions calls the implementation."""
    operation = operation_named(implementation.operation)
    own = operation.part("probes")
    return any(name not in implementation.conventions for name in (operation.conventions if own is None else own.PROBES))


def _probed(name: str, implementation: Implementation) -> str | None:
    """The choice that a probe shows, or None. Of an operation with probes of its own, as these find; of another, which choice
    alone makes what the definition gives of a small problem with an option that it needs the answer of the implementation.
    """
    operation = operation_named(implementation.operation)
    own = operation.part("probes")
    if own is not None:
        found: str | None = own.PROBES[name](implementation) if name in own.PROBES else None
        return found
    entry = known_conventions()[name]
    if name not in operation.conventions:
        return None
    for option in (each for each in entry["needs"] if each in implementation.options):
        p = simplest(implementation, implementation.dtypes[0], option)
        subject = Subject(implementation, p.dtype, {})
        try:
            fitting = [choice for choice in entry["choices"] if as_defined(subject, replace(p, conventions={name: choice}))]
        except (NotClaimed, Broken, Raised):
            continue
        if len(fitting) == 1:
            return str(fitting[0])
    return None


def as_defined(subject: Subject, p: Problem) -> bool:
    """Whether the output is the one of the definition, within its bounds. Raises as `Subject.out` does."""
    out, right = subject.out(p), attended(p).out
    return bool(((out.low <= right) & (right <= out.high)).all())


def simplest(implementation: Implementation, dtype: str, option: str | None = None) -> Problem:
    """A small problem of the simplest values, with an option or without any but those that every call has."""
    operation = operation_named(implementation.operation)
    sizes = small_sizes(operation)
    options = dict(implementation.takes.always)
    if option is not None:
        for name in named_in_cases(operation.options, [option]):
            options[name] = operation.options[name].drawn[0]
    values = next(iter(operation.contents))
    return build(Structure(operation=operation.name, dtype=dtype, sizes=sizes, options=options, values=values))


def contradictions(implementation: Implementation) -> Iterator[tuple[str, str, str]]:
    """Conventions that are declared otherwise than a probe finds: name, what is declared, what was found."""
    own = operation_named(implementation.operation).part("probes")
    for name, probe in (own.PROBES | own.OF_DECLARED).items() if own is not None else ():
        declared = implementation.conventions.get(name)
        found = probe(implementation) if declared else None
        if found is not None and found != declared:
            yield name, str(declared), found
