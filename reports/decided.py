"""How much of what a run asked was decided, and what stood in the way.

A law that was not decided did not pass. A run in which nearly all laws went undecided says nothing, and must not look like
one that says yes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .schema import Report, Result
from .wording import counted

__all__ = ["decided_lines", "excused", "refusal_lines", "told", "too_little", "undecided_reasons"]

ALWAYS = "always has "
"""How the reason starts for which a law is not asked of an implementation that has no call without some option."""

WORDS = 90
"""Characters of what an implementation said that a line has room for; the report has all."""

DECIDED = ("pass", "fail")


def excused(row: Result) -> bool:
    """Whether a law is about calls that the implementation does not have: nobody asks an always-causal kernel for others."""
    unasked: bool = row.verdict == "not-claimed" and row.message.startswith(ALWAYS)
    return unasked


def decided_lines(report: Report) -> list[str]:
    """One line an implementation: `attend: decided 31 of 54 laws`. A law counts where it was decided in some dtype."""
    return [f"{name}: decided {done} of {counted(of, 'law')}" for name, done, of in _counted(report)]


def refusal_lines(report: Report) -> list[str]:
    """One line a refusal: what an implementation does not take, and what it said."""
    return [
        f"{made.name} {told(refusal.sentence, refusal.words)}" for made in report.implementations for refusal in made.refusals
    ]


def told(sentence: str, words: str) -> str:
    """A refusal in one line, with the beginning of what the implementation said; where it said nothing, it is declared."""
    short = words if len(words) <= WORDS else words[:WORDS].rsplit(" ", 1)[0] + " …"
    return f"{sentence}: {short}" if words else f"{sentence} (declared)"


def too_little(report: Report) -> list[str]:
    """Implementations of which less than half of what their operation's base profile asks was decided, a sentence each.

    What it asks: the must-laws of the first profile about the operation that this run tried, without those that are about
    calls which the implementation does not have. Runs of chosen laws, and shards, are no measure.
    """
    if report.narrowed is not False or report.shard:
        return []
    sentences = []
    for made in report.implementations:
        rows = [row for row in report.results if row.implementation == made.name and not excused(row)]
        name, members = _base(report, made.operation)
        asked = {row.law for row in rows if row.law in members}
        done = {row.law for row in rows if row.law in members and row.verdict in (*DECIDED, "error")}
        if asked and 2 * len(done) < len(asked):
            reasons = "; ".join(undecided_reasons([row for row in rows if row.law in asked - done]))
            sentences.append(f"{made.name}: decided {len(done)} of {len(asked)} laws that {name} asks for ({reasons})")
    return sentences


def undecided_reasons(rows: list[Result], most: int = 3) -> list[str]:
    """What stood in the way of laws, the most frequent first."""
    said = Counter(row.message or row.verdict for row in rows)
    return [reason for reason, _ in said.most_common(most)]


def _counted(report: Report) -> Iterator[tuple[str, int, int]]:
    for made in report.implementations:
        rows = [row for row in report.results if row.implementation == made.name and not excused(row)]
        done = {row.law for row in rows if row.verdict in DECIDED}
        yield made.name, len(done), len({row.law for row in rows})


def _base(report: Report, operation: str) -> tuple[str, set[str]]:
    """The profile on which the others of an operation build, the first that is about it, and its must-laws."""
    for name, profile in report.profiles.items():
        laws = {law for law, about in profile.must.items() if about == operation}
        if laws:
            return name, laws
    return "", set()
