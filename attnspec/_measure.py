"""`attnspec measure`: what arithmetic an implementation has, read off its answers.

A declared arithmetic is a promise, and bounds follow from it. This command finds the tightest named model that holds, so that
an author can declare what is true, and shows how much of its bound the error takes as the number of keys grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ._targets import targets_of

if TYPE_CHECKING:
    from attnspec.adapters.contract import Implementation
    from attnspec.conformance.measure.tightest import Trial

__all__ = ["measure_implementations"]


def measure_implementations(addresses: Sequence[str], dtype: str | None, examples: int, seed: int) -> int:
    """Print what is measured. Exit code 0, or 1 where no named model holds for an implementation in some dtype."""
    from attnspec.conformance.operations import operation_named
    from attnspec.conformance.selection import Mistake
    from attnspec.conformance.survey import surveyed

    targets = targets_of(addresses, hosted=True)
    for target in targets:
        made = target.implementation
        if not operation_named(made.operation).softmax:
            raise Mistake(f"{made.name} computes {made.operation}; only the softmax of a kernel is measured")
    asked = [surveyed(target.implementation) for target in targets]
    chosen = [(made, d) for made in asked for d in made.dtypes if dtype in (None, d)]
    if not chosen:
        names = ", ".join(t.implementation.name for t in targets)
        raise Mistake(f"{names}: {dtype!r} is not among the dtypes; remove --dtype to measure all of them")
    missing = 0
    for implementation, each in chosen:
        click.echo(f"{implementation.name} in {each}")
        held = False
        for line, holds in _models(implementation, each, examples, seed):
            held = held or holds
            click.echo(line)
        missing += not held
        for line in _read(implementation, each, held):
            click.echo(line)
    return 1 if missing else 0


def _models(implementation: Implementation, dtype: str, examples: int, seed: int) -> Iterator[tuple[str, bool]]:
    from attnspec.conformance.measure.tightest import trials
    from attnspec.reference.arithmetic import arithmetic_for

    yield f"  declared: {arithmetic_for(implementation.arithmetic, dtype).name}", False
    first = True
    for trial in trials(implementation, dtype, examples=examples, seed=seed):
        mark = "  <- the tightest that holds" if trial.holds and first else ""
        first = first and not trial.holds
        for line in _labelled(trial.model, f"{_verdict(trial)}{mark}"):
            yield line, trial.holds


def _verdict(trial: Trial) -> str:
    if trial.holds:
        ratio = "" if trial.worst_ratio is None else f", largest error / bound {trial.worst_ratio:.2f}"
        return f"holds on {trial.decided} laws{ratio}"
    if trial.broken:
        return f"does not hold: {trial.broken}"
    return f"not decided: {trial.raised or 'no law could be asked'}"


def _read(implementation: Implementation, dtype: str, held: bool) -> Iterator[str]:
    """What probes read, and how the error grows. held: whether some model holds; an error that no rounding makes says nothing
    of the arithmetic.
    """
    from attnspec.conformance.measure import readings
    from attnspec.conformance.measure.holds_under import FAR
    from attnspec.conformance.measure.ratios import bar, ratios

    grown = list(ratios(implementation, dtype))
    if not held and any(ratio is not None and ratio >= FAR for _, ratio in grown):
        yield from _labelled("arithmetic", "not read: the outputs are further off than any rounding makes them")
    else:
        for name, sentence in readings(implementation, dtype):
            yield from _labelled(name, sentence)
    yield "  error / bound on normal data, D = 64, under the declared arithmetic"
    for length, ratio in grown:
        yield f"    Sk = {length:<5} {bar(ratio)}"


def _labelled(name: str, sentence: str) -> Iterator[str]:
    from attnspec.reports.lines import paragraph

    yield from paragraph(f"  {name:<13} {sentence}", indent=" " * 16)
