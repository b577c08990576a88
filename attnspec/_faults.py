"""`attnspec faults`: every law on every known mistake, and what none of them rejects."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from attnspec.conformance.language import Law
    from attnspec.reports.schema import KillMatrix

__all__ = ["try_faults"]

DTYPES = ("float32", "bfloat16")
"""What is tried unless dtypes are named: the widest and the narrowest of what every kernel has."""

PATIENCE = 30.0
"""Seconds between two lines of progress where there is no terminal."""


def try_faults(given: dict[str, Any]) -> int:
    """Try, print, write; returns the exit code. Raises SpecError, Mistake or FolderError before anything is tried."""
    from attnspec.conformance.kills.matrix import Matrix
    from attnspec.conformance.selection import choose_budget, choose_laws, known_dtypes
    from attnspec.reports.kill_table import matrix_text
    from attnspec.reports.kills import build_matrix, outcome
    from attnspec.reports.write import as_json, prepared
    from attnspec.spec.operations import law_files

    faults = _chosen(given["pattern"])
    budget = choose_budget(given["budget"], examples=given["examples"])
    files = [Path(file) for file in given["laws_file"]]
    laws = choose_laws(given["laws"], files=files, short=budget.short and not given["laws"])
    about = {fault["operation"] for fault in faults.values()}
    laws = [law for law in laws if law.operation in about] or laws
    dtypes = known_dtypes(given["dtype"]) or DTYPES
    refused = dict(_refused(laws, dtypes))
    laws = [law for law in laws if law.id not in refused]
    if not laws:
        for reason in refused.values():
            click.echo(reason, err=given["json"])
        return 1
    if given["out"]:
        prepared(Path(given["out"]))
    start = time.monotonic()
    every = (*law_files(), *files) if files else None
    asked = Matrix(tuple(law.id for law in laws), tuple(faults), dtypes, budget, given["seed"], every)
    rows = asked.rows(given["jobs"], told=_progress(len(laws) * len(dtypes)))
    matrix = build_matrix(
        rows,
        faults=faults,
        budget={"name": budget.name, "examples": budget.examples},
        seed=given["seed"],
        dtypes=dtypes,
        seconds=time.monotonic() - start,
    )
    click.echo(as_json(matrix, indent=1) if given["json"] else matrix_text(matrix))
    if given["out"]:
        _write(matrix, Path(given["out"]), quiet=given["json"])
    for reason in refused.values():
        click.echo(reason, err=given["json"])
    return 1 if refused else outcome(matrix)[0]


def _refused(laws: Sequence[Law], dtypes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Laws of one's own that are false, or let a mistake pass that they name, by their ids: they are not tried further."""
    from attnspec.conformance.kills.own_laws import why_refused

    for law in laws:
        reason = "" if law.shipped else why_refused(law, dtypes)
        if reason:
            yield law.id, f"{law.file}:{law.line}: {law.id} {reason}"


def _progress(total: int) -> Callable[[dict[str, Any]], None]:
    """Says on stderr how far it is, in place in a terminal, every half minute elsewhere."""
    start = said = time.monotonic()
    done, terminal = 0, sys.stderr.isatty()

    def told(row: dict[str, Any]) -> None:
        nonlocal done, said
        done, now = done + 1, time.monotonic()
        if terminal or done == total or now - said > PATIENCE:
            said = now
            line = f"{done} of {total} after {now - start:.0f} s"
            click.echo(f"\r{line}\033[K" if terminal else line, err=True, nl=not terminal or done == total)

    return told


def _chosen(pattern: str) -> dict[str, dict[str, Any]]:
    """Faults by name with what a matrix says of each. Raises Mistake where none matches."""
    from attnspec.conformance.operations import load_installed
    from attnspec.conformance.selection import Mistake
    from attnspec.reference.faults.catalogue import FAULTS

    load_installed()
    chosen = {name: fault for name, fault in FAULTS.items() if fnmatchcase(name, pattern)}
    if not chosen:
        raise Mistake(f"no fault matches {pattern!r}; attnspec faults lists them")
    about = ("title", "operation", "needs", "equivalent", "dtypes", "because")
    plain = {name: {key: getattr(fault, key) for key in about} for name, fault in chosen.items()}
    return {name: {**entry, "needs": list(entry["needs"]), "dtypes": list(entry["dtypes"])} for name, entry in plain.items()}


def _write(matrix: KillMatrix, folder: Path, quiet: bool) -> None:
    from attnspec.reports.kill_table import matrix_markdown
    from attnspec.reports.kills import summarised
    from attnspec.reports.write import as_json

    texts = {
        "faults.json": as_json(matrix, indent=1),
        "faults-summary.json": as_json(summarised(matrix), indent=1),
        "faults.md": matrix_markdown(matrix).rstrip("\n"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
    if not quiet:
        click.echo(f"matrix: {folder / 'faults.json'}")
