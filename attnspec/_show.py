"""`attnspec list`, `laws` and `explain`: what there is to run, and what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ._targets import targets_of

if TYPE_CHECKING:
    from attnspec.adapters.contract import Implementation
    from attnspec.conformance.language import Law

__all__ = ["explain_law", "list_implementations", "list_laws"]

WIDTH = 112


def list_implementations(addresses: Sequence[str]) -> int:
    """Shipped and installed implementations without importing any, or all about the named ones."""
    if addresses:
        for target in targets_of(addresses):
            _print_lines(_implementation_lines(target.implementation))
        return 0
    from attnspec.adapters.finding import describe, installed

    rows = [(str(row["name"]), "" if row["available"] else "missing", str(row["about"])) for row in describe()]
    rows += [(point.name, "plugin", point.value) for point in installed()]
    width = max(len(name) for name, _, _ in rows)
    for name, state, about in rows:
        click.echo(f"{name:{width}}  {state:8} {about}")
    for reason in sorted({str(row["reason"]) for row in describe() if row["reason"]}):
        click.echo(f"missing: {reason}")
    click.echo("\nattnspec list NAME shows options, dtypes and conventions; a file my_kernel.py is a name too.")
    return 0


def list_laws(pattern: str, chapter: str | None, laws_files: Iterable[str]) -> int:
    """Ids and statements, by chapter. Raises Mistake where none matches."""
    from attnspec.conformance.selection import Mistake, choose_laws

    laws = choose_laws([pattern], files=laws_files)
    if chapter is not None:
        chapters = dict.fromkeys(law.chapter for law in laws)
        laws = [law for law in laws if law.chapter == chapter]
        if not laws:
            raise Mistake(f"no law in the chapter {chapter!r}; the chapters are {', '.join(chapters)}")
    width = max(len(law.id) for law in laws)
    for law in laws:
        click.echo(f"{law.id:{width}}  {'' if law.level == 'must' else f'({law.level}) '}{law.statement}")
    return 0


def explain_law(identifier: str, laws_files: Iterable[str]) -> int:
    """All about one law. Raises Mistake for an unknown one."""
    from attnspec.conformance.selection import choose_laws

    laws = choose_laws([identifier], files=laws_files)
    for number, law in enumerate(laws):
        _print_lines(([""] if number else []) + list(_law_lines(law)))
    return 0


def _law_lines(law: Law) -> Iterator[str]:
    from attnspec.conformance.describe import describe_law
    from attnspec.conformance.vocabulary import WORDS

    about = describe_law(law)
    yield f"{law.id}   ({law.level}, {law.operation}, {about.file}:{law.line})"
    yield from _wrapped(law.statement)
    yield ""
    yield f"  {law.equation}"
    if law.where:
        yield f"  where {law.where}"
    if law.given:
        yield "  given " + ", ".join(f"{key}: {_plain(value)}" for key, value in law.given.items())
    yield ""
    yield from _wrapped(f"why: {law.why}")
    yield from _wrapped(f"kills: {', '.join(law.kills) or 'no listed fault'}")
    for source in law.source:
        yield f"source: {source}"
    yield ""
    for name in law.words():
        known = WORDS.get(name)
        doc = "a word of an installed package" if known is None else known.doc.partition("\n\n")[0].replace("\n", " ")
        yield from _wrapped(f"{name if known is None else known.usage}: {doc}", indent="    ")
    yield from _wrapped(_shapes(law.operation), indent="    ")


def _shapes(operation: str) -> str:
    """The arrays that an operation takes and gives, with their axes."""
    from attnspec.spec.operations import operations

    stated = operations()[operation]
    taken, given = (
        ", ".join(f"{name} {about['shape']}" for name, about in stated[part].items()) for part in ("arguments", "results")
    )
    return f"p: a problem of {operation}, which takes {taken} and gives {given}"


def _implementation_lines(made: Implementation) -> Iterator[str]:
    from attnspec.spec.operations import operations

    known = operations()[made.operation]["options"]
    claimed = [name for name in known if name in made.options]
    lacking = [name for name in known if name not in made.options]
    yield f"{made.name}   ({made.operation}, {made.arrays} arrays, layout {made.layout}, from {made.origin or 'nowhere known'})"
    yield f"  runs: {made.mode} on {made.device or 'the default device'}"
    yield f"  dtypes: {', '.join(made.dtypes)}"
    yield from _wrapped(f"options: {', '.join(claimed) or 'none'}", indent="  ")
    yield from _wrapped(f"not claimed: {', '.join(lacking) or 'nothing'}", indent="  ")
    declared = ", ".join(f"{name} {choice}" for name, choice in made.conventions.items())
    yield from _wrapped(f"conventions: {declared or 'none declared; they are probed'}", indent="  ")
    if made.claims:
        yield f"  claims: {', '.join(sorted(made.claims))}"
    for note in made.notes:
        yield from _wrapped(f"note: {note}", indent="  ")


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False
    )


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _plain(value: Any) -> str:
    """A value as YAML writes it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
