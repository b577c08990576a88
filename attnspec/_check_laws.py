"""`attnspec laws check`: whether laws of one's own are true, and reject the mistakes that they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from attnspec.conformance.language.law import Law

__all__ = ["check_files"]

DTYPES = ("float32", "float16", "bfloat16")
"""In which a law must hold for the definition, unless others are asked for."""


def check_files(files: Sequence[str], dtypes: Sequence[str]) -> int:
    """Try each law of some files on the definition and on its mistakes; returns the exit code. Raises SpecError, Mistake."""
    from attnspec.conformance.kills.own_laws import LawRefused, check_law
    from attnspec.conformance.language import SpecError, load_laws
    from attnspec.conformance.selection import known_dtypes

    tried = known_dtypes(dtypes) or DTYPES
    laws: list[Law] = []
    unread: list[SpecError] = []
    for file in files:
        try:
            laws += load_laws([Path(file)])
        except SpecError as error:
            unread.append(error)
    if unread and len(files) == 1:
        raise unread[0]
    for broken in unread:
        click.echo(f"NOT READ: {broken}")
    refused = 0
    for law in laws:
        click.echo(f"{law.id}   ({law.file}:{law.line})")
        try:
            shown = check_law(law, tried)
        except LawRefused as reason:
            refused += 1
            click.echo(f"  REFUSED: it {reason}")
            continue
        held = ", ".join(f"{problems} problems in {dtype}" for dtype, problems in shown.held.items())
        click.echo(f"  holds for the reference on {held}")
        for name, (dtype, problem) in shown.rejected.items():
            click.echo(f"  rejects {name} on problem {problem} in {dtype}")
    click.echo(_conclusion(len(laws), refused, len(unread)))
    return 2 if unread else 1 if refused else 0


def _conclusion(laws: int, refused: int, unread: int) -> str:
    from attnspec.reports.wording import counted

    if unread:
        others = f"of the others: {_conclusion(laws, refused, 0)}" if laws else "no law was tried"
        return f"{counted(unread, 'file')} could not be read; {others}"
    if refused:
        which = "it" if refused == 1 else "them"
        return f"{refused} of {counted(laws, 'law')} refused; attnspec run --laws-file does not start with {which}"
    each = "it holds" if laws == 1 else "each holds"
    return f"{counted(laws, 'law')}: {each} for the reference and rejects every mistake that it names"
