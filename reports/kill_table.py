"""The kill matrix in words: survivors first, then each fault with what rejects it first, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .kills import outcome, quickest, rate, rejecting, survivors, unproven
from .schema import KillMatrix, Summary
from .schema.faults import Rejected, Tried
from .wording import counted

__all__ = ["fault_page", "matrix_markdown", "matrix_text"]


def matrix_text(matrix: KillMatrix) -> str:
    """What `attnspec faults` prints."""
    width = max(map(len, matrix.faults), default=0)
    lines = [*_troubles(matrix), ""]
    for name, fault in matrix.faults.items():
        if not fault.equivalent:
            lines += [f"{name:<{width}}  {dtype:<9}  {_told(part)}" for dtype, part in fault.tried.items()]
    lines += ["", *_equivalents(matrix), *_limited(matrix)]
    for dtype in matrix.dtypes:
        killed, all_ = rate(matrix, dtype)
        lines.append(f"{dtype}: {killed} of {all_} known mistakes are rejected")
    laws, budget = len({row.law for row in matrix.laws}), matrix.budget
    lines.append(f"{laws} laws, budget {budget.name} ({budget.examples} problems each), {matrix.seconds:.0f} s")
    return "\n".join([*lines, outcome(matrix)[1]])


def _troubles(matrix: KillMatrix) -> Iterator[str]:
    """Survivors, and what makes the matrix itself doubtful."""
    found = survivors(matrix)
    yield f"survivors: {len({name for name, _ in found})}" if found else "survivors: none"
    for name, dtype in found:
        part, title = matrix.faults[name].tried[dtype], matrix.faults[name].title
        yield f"  {name} in {dtype}, tried by {part.laws} laws on {part.problems} problems: {title}"
    for row in rejecting(matrix):
        said = row.definition
        yield f"  {row.law} in {row.dtype} rejects the definition itself: {said.message} ({said.case})"
    for name, dtype, law in unproven(matrix):
        yield f"  {name} is said to be equivalent to the definition, and {law} rejects it in {dtype}"
    for row in matrix.laws:
        if row.definition.verdict in ("not-claimed", "inconclusive"):
            yield f"  {row.law} in {row.dtype} decides nothing here: {row.definition.message}"


def _told(part: Tried) -> str:
    first = quickest(part)
    if first is None:
        return f"SURVIVES {part.problems} problems of {part.laws} laws"
    share = f"{len(part.kills):3} of {part.laws:3} laws"
    return f"{share}; first {first.law}, problem {first.problem}, {first.seconds:.2f} s"


def _equivalents(matrix: KillMatrix) -> Iterator[str]:
    for name, fault in matrix.faults.items():
        if fault.equivalent:
            yield f"{name} is equivalent to the definition: {fault.equivalent}"


def _limited(matrix: KillMatrix) -> Iterator[str]:
    for name, fault in matrix.faults.items():
        left_out = [dtype for dtype in matrix.dtypes if dtype not in fault.tried]
        if left_out:
            yield f"{name} cannot be told from rounding in {' and '.join(left_out)}: {fault.because}"


def matrix_markdown(matrix: KillMatrix) -> str:
    """The whole matrix, with every law that rejects a fault."""
    budget = matrix.budget
    lines = ["# Known mistakes and the laws that reject them", ""]
    lines.append(f"Budget {budget.name}: {budget.examples} problems a law.")
    lines += ["", *(f"- {line.strip()}" for line in _troubles(matrix)), ""]
    lines += ["| fault | dtype | first | problem | seconds | rejected by |", "|---|---|---|---|---|---|"]
    for name, fault in matrix.faults.items():
        for dtype, part in fault.tried.items():
            first, laws = quickest(part), ", ".join(kill.law for kill in part.kills)
            told = f"{first.law} | {first.problem} | {first.seconds:.2f}" if first else "nothing | – | nan"
            lines.append(f"| {name} | {dtype} | {told} | {laws} |")
    rest = [*_equivalents(matrix), *_limited(matrix)]
    return "\n".join([*lines, *([""] if rest else []), *(f"- {line}" for line in rest)]) + "\n"


def fault_page(summaries: Sequence[Summary], faults: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines of a page about the suite's own score: rates, then a table with a row a fault.

    summaries: as `kills.summarised` gives them, one a budget. faults: name → title, links.
    """
    lines = ["| budget | problems a law | dtype | rejected | of | seconds for all |", "|---|---|---|---|---|---|"]
    for made in summaries:
        for dtype in made.dtypes:
            parts = [entry[dtype] for entry in made.faults.values() if dtype in entry]
            killed, budget = sum(part.killed_by > 0 for part in parts), made.budget
            lines.append(f"| {budget.name} | {budget.examples} | {dtype} | {killed} | {len(parts)} | {made.seconds} |")
    heads = [(made, dtype) for made in summaries for dtype in made.dtypes]
    lines += ["", "| fault | " + " | ".join(f"{made.budget.name}, {dtype}" for made, dtype in heads) + " |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for name in dict.fromkeys(name for made in summaries for name in made.faults):
        about = faults.get(name, {"title": "", "links": []})
        cells = [_cell(made.faults.get(name, {}).get(dtype)) for made, dtype in heads]
        link = f"[{name}]({about['links'][0]})" if about["links"] else name
        lines.append(f"| {link}: {about['title']} | " + " | ".join(cells) + " |")
    return lines


def _cell(part: Rejected | None) -> str:
    if part is None:
        return "–"
    if not part.killed_by:
        return "**survives**"
    return f"{counted(part.killed_by, 'law')}; `{part.law}`, problem {part.problem}, {part.seconds:.2f} s"
