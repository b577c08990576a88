"""`attnspec replay` without a case: what failed in earlier runs from this folder, tried again, one line for each.

What is recorded is `.attnspec/failures.json`, which every run keeps. A run forgets a failure when the law holds; a replay
forgets nothing, because one case that holds does not show that the law does.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attnspec.reports.lines import LABEL, WIDTH, command, field

if TYPE_CHECKING:
    from attnspec.conformance.plugin.stored import Recorded

__all__ = ["replay_recorded"]

WORDS = {0: "FIXED", 1: "STILL FAILS", 2: "NOT TRIED"}


def replay_recorded(implementation: str | None, laws_files: Sequence[str]) -> int:
    """0 where all hold now, 1 where one still fails, 2 where one could not be tried. Raises Mistake where none is recorded.

    implementation: only what is recorded of it: an address, or a file that holds several.
    """
    from attnspec.conformance.plugin.stored import StoredFailures, recorded_in
    from attnspec.conformance.selection import Mistake

    from ._replay_many import replayed

    failures = [
        failure
        for failure in StoredFailures(recorded_in(Path.cwd())).all()
        if implementation in (None, failure.address) or failure.address.startswith(f"{implementation}:")
    ]
    if not failures:
        about = f" of {implementation}" if implementation else ""
        raise Mistake(
            f"no failure{about} is recorded in this folder ({recorded_in(Path())}); attnspec run records what fails, "
            "and attnspec replay CASE IMPL replays any case"
        )
    found: Counter[int] = Counter()
    answers = replayed([(each.case, each.address) for each in failures], laws_files)
    for failure, (code, line) in zip(failures, answers, strict=True):
        found[code] += 1
        for words in _lines(failure, code, line.partition(": ")[2]):
            click.echo(words)
    click.echo(_conclusion(found))
    return 1 if found[1] else 2 if found[2] else 0


def _lines(failure: Recorded, code: int, said: str) -> Iterator[str]:
    yield f"{WORDS[code]:11}  {failure.law} on {failure.address} in {failure.dtype}"
    if code:
        yield from field("found" if code == 1 else "because", said)
        again = command("attnspec replay", shlex.quote(failure.case), [shlex.quote(failure.address)], WIDTH - LABEL)
        yield from field("replay", again, whole=True)


def _conclusion(found: Counter[int]) -> str:
    total = found.total()
    if not found[1] and not found[2]:
        fixed = "the recorded failure is fixed" if total == 1 else f"all {total} recorded failures are fixed"
        return f"{fixed}; attnspec run says whether the laws hold on other problems"
    untried = f", {found[2]} could not be tried" if found[2] else ""
    return (
        f"{found[1]} of {total} recorded failure{'' if total == 1 else 's'} still fail{'s' if found[1] == 1 else ''}{untried}"
    )
