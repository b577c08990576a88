"""`attnspec doctor`: is the adapter right, before: is the kernel right.

Most first failures are not wrong numbers but wrong wiring: an option under another name, the other layout, a logsumexp to
base 2, an output in another dtype. One tiny call with Q = 0 shows them, because then every row is the mean of V. The call is
one that a survey saw accepted; an adapter of which no call was tried is not called right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ._targets import targets_of

if TYPE_CHECKING:
    from attnspec.adapters.contract import Implementation

__all__ = ["examine"]


def examine(addresses: Sequence[str]) -> int:
    """Print what is found. Exit code 0 where nothing is wrong, 1 where something is."""
    from attnspec.reports.lines import paragraph
    from attnspec.reports.wording import counted

    wrong = 0
    for target in targets_of(addresses, hosted=True):
        click.echo(f"{target.implementation.name}")
        for good, sentence in _all_findings(target.implementation):
            wrong += good is False
            mark = "ok  " if good else "note" if good is None else "BAD "
            click.echo("\n".join(paragraph(f"  {mark} {sentence}", indent=" " * 7)))
    click.echo("the adapter looks right" if not wrong else f"{counted(wrong, 'thing')} to fix first")
    return 1 if wrong else 0


Finding = tuple[bool | None, str]


def _all_findings(made: Implementation) -> Iterator[Finding]:
    """What is found of an implementation, as far as its host lives."""
    from attnspec.conformance.hosts.line import Ended

    try:
        yield from _findings(made)
    except Ended as ended:
        yield False, f"its process {'; '.join([str(ended), *ended.lines])}"


def _findings(made: Implementation) -> Iterator[Finding]:
    from attnspec.conformance.hosts.program import Program
    from attnspec.conformance.operations import operation_named
    from attnspec.conformance.survey import surveyed
    from attnspec.reports.decided import told
    from attnspec.spec.operations import operations
    from attnspec.spec.shapes import in_layout

    laid_out = any(in_layout(axes) for axes in operation_named(made.operation).arguments.values())
    layout = f" in layout {made.layout}" if laid_out else ""
    yield True, f"found: {made.operation}, {made.arrays} arrays{layout}, from {made.origin or 'this process'}"
    if isinstance(made.host, Program):
        yield from made.host.findings()
    for parameter, option in made.misnamed.items():
        yield (
            False,
            f"parameter {parameter!r} is never passed; declare rename={{{parameter!r}: {option!r}}}, or name it otherwise",
        )
    for note in made.notes:
        if not any(repr(parameter) in note for parameter in made.misnamed):
            yield None, note
    known, arguments = operations()[made.operation]["options"], ", ".join(operations()[made.operation]["arguments"])
    yield (
        True,
        f"options: {', '.join(name for name in known if name in made.options) or f'none besides {arguments}'}",
    )
    lacking = [name for name in known if name not in made.options]
    if lacking:
        yield None, f"not claimed, so not tested: {', '.join(lacking)}"
    made = surveyed(made)
    for sentence, words in made.takes.sentences():
        yield False if made.takes.nothing else None, told(sentence, words)
    if made.takes.nothing:
        return
    answers, operation = True, operation_named(made.operation)
    for dtype in made.dtypes:
        own = operation.part("trial")
        for good, sentence in _against_definition(made, dtype) if own is None else own.findings(made, dtype, operation.trial):
            answers = answers and good is not False
            yield good, f"{dtype}: {sentence}"
    if answers and operation.conventions:
        yield from _conventions(made)


def _against_definition(made: Implementation, dtype: str) -> Iterator[Finding]:
    """One small problem of the simplest values, for an operation that has no trial call of its own."""
    from attnspec.conformance.engine.conventions import as_defined, simplest
    from attnspec.conformance.engine.subject import Broken, NotClaimed, Raised, Subject

    p = simplest(made, dtype)
    subject = Subject(made, dtype, {})
    try:
        shape, good = subject.out_only(p).shape, as_defined(subject, p)
    except NotClaimed as reason:
        yield False, f"nothing was tried, for the trial call is refused: {reason}; let `supports` take it, or declare sizes="
    except Raised as error:
        yield False, f"the call raised {error}"
    except Broken as error:
        yield False, str(error)
    else:
        yield True, f"returns an array of {made.arrays}, shape {shape}"
        yield good, f"a small problem without options {'has' if good else 'has not'} the output of the definition"


def _conventions(made: Implementation) -> Iterator[Finding]:
    from attnspec.conformance.engine.conventions import contradictions, settled

    wrong = {name: found for name, _, found in contradictions(made)}
    for name, (choice, how) in settled(made).items():
        if name in wrong:
            yield False, f"{name} is declared {choice}, and a probe finds {wrong[name]}; declare that, or fix the kernel"
        else:
            yield (None if how == "assumed" else True), f"{name} is {choice} ({how})"
