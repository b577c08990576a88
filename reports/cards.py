"""A cause as a card: what it is, the picture, the smallest case once, how to see it again, and what else fails by it.

A card is for a reader with one question: what is wrong? So it says nothing twice, and fits a screen. What one finding says and
what a cause of many says are the same lines, so that whoever has read one can read the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from .causes import Cause, sole_cause
from .diagnosis import evidence, unexplained
from .findings import replay_lines
from .frames import frames
from .lines import LABEL, WIDTH, clipped, field, paragraph
from .schema import Report, Result
from .schema.setting import LawText
from .visible import visible
from .wording import counted

__all__ = ["brief_card", "card", "finding_text", "further_card", "line_of", "title"]

ALSO, NAMED = 3, 4
"""Further laws that have a line each, and those that are named, where there is room."""

MOST = 24
"""Lines of a card in which further laws find room: with one for whoever puts words before it, 25 fit a screen."""

LINKS = 2
"""Addresses of bugs of this kind."""

FRAMES = 4
"""Frames of a traceback that are told: the innermost."""

ENTRIES = 2
"""Further lines of evidence that are told where no known mistake explains what was seen."""


def card(cause: Cause, report: Report, *, width: int = WIDTH, folder: str | None = None) -> str:
    """The whole card.

    folder: of the report, as a reader of this text finds it, ending with / or empty; None where the report was not written.
    """
    return _card(cause, *_place(cause.first, report), width, folder)


def _card(cause: Cause, law: LawText, address: str, width: int, folder: str | None) -> str:
    """law, address: of the first finding."""
    lines = _lines(cause, law, address, width, folder)
    if _height(lines) >= MOST:  # the picture and the smallest case tell more than what was seen before that was made small
        lines = _lines(cause, law, address, width, folder, worst=False)
    return visible("\n".join([*lines, *_also(cause, width, MOST - _height(lines))]))


def _height(lines: Sequence[str]) -> int:
    return len("\n".join(lines).splitlines())


def _lines(cause: Cause, law: LawText, address: str, width: int, folder: str | None, worst: bool = True) -> list[str]:
    """A card without its further laws."""
    row = cause.first
    lines = [*title(cause, width), *_about(cause, width), *_evidence(cause, width)]
    lines += field("where", "; ".join(cause.where), width) + field("factor", "; ".join(cause.factor), width)
    lines += field("mask", cause.mask, width, whole=True)
    lines += _case(cause, law, width, worst)
    if row.case:
        lines += field("replay", replay_lines(row.case, law, address, width - LABEL), width, whole=True)
    if row.script and folder is not None:
        lines += field("script", f"{folder}{row.script}", width)
    return lines


def brief_card(cause: Cause, report: Report, *, width: int = WIDTH) -> str:
    """What it is, which laws it breaks, what was seen and how to see it again, in a few lines."""
    law, address = _place(cause.first, report)
    lines = [*title(cause, width), *_about(cause, width), *_found(cause, width)]
    if _is_refusal(cause.first) and not cause.known:
        lines += field("details", _details(cause), width)
    if cause.first.case and not cause.known:
        lines += field("replay", replay_lines(cause.first.case, law, address, width - LABEL), width, whole=True)
    return visible("\n".join(lines))


def further_card(cause: Cause, row: Result, report: Report, *, width: int = WIDTH) -> str:
    """What a finding of a cause adds to the card of the cause."""
    law, address = _place(row, report)
    first = f"in full at {cause.first.law} for {cause.first.implementation} in {cause.first.dtype}"
    lines = [*title(cause, width), *field("told", first, width), *field("found", row.message or row.verdict, width)]
    if row.case:
        lines += field("replay", replay_lines(row.case, law, address, width - LABEL), width, whole=True)
    return visible("\n".join(lines))


def finding_text(row: Result, law: LawText, address: str, *, width: int = WIDTH) -> str:
    """The card of one result. law: as described in a report. address: where the implementation is found again."""
    return _card(sole_cause(row), law, address, width, None)


def title(cause: Cause, width: int = WIDTH) -> list[str]:
    """`name: sentence`, after the level of its laws where none of them is a must-law."""
    said = f"{cause.name}: {cause.sentence}" if cause.sentence else cause.name
    return paragraph(said if cause.level == "must" else f"({cause.level}) {said}", width, indent="  ")


def line_of(cause: Cause, width: int = WIDTH) -> list[str]:
    """One sentence, on as few lines as it needs."""
    said = cause.known or (f"{cause.name}: {cause.sentence}" if cause.sentence else cause.name)
    return paragraph(f"  {_laws(cause)}: {said}", width, indent="    ")


def _place(row: Result, report: Report) -> tuple[LawText, str]:
    """The law of a result, and the address of its implementation."""
    return report.laws[row.law], next(made.address for made in report.implementations if made.name == row.implementation)


def _about(cause: Cause, width: int) -> list[str]:
    """Which laws fail where, and why that is known."""
    label = "fails" if any(row.verdict == "fail" for row in cause.rows) else "stops"
    return field(label, _laws(cause), width) + field("known", cause.known, width)


def _laws(cause: Cause) -> str:
    """`causal/as-defined for mine in float32`, `4 laws for mine in float32, float16; yours in float32`."""
    laws = cause.laws[0] if len(cause.laws) == 1 else counted(len(cause.laws), "law")
    return f"{laws} for " + "; ".join(f"{name} in {', '.join(_dtypes(cause, name))}" for name in cause.implementations)


def _dtypes(cause: Cause, implementation: str) -> list[str]:
    there = {row.dtype for row in cause.rows if row.implementation == implementation}
    return [dtype for dtype in cause.dtypes if dtype in there]


def _evidence(cause: Cause, width: int) -> list[str]:
    """What speaks for the mistake, and where it was made before."""
    found = cause.diagnosis
    if not found:
        return []
    entry = next((entry for entry in found.ranked if entry.fault == cause.fault), None)
    if entry is None:
        return field("evidence", unexplained(found), width)
    level = [f"equally likely: {', '.join(cause.also)}"] if cause.also else []
    rounding = field("rounding", found.arithmetic.sentence if found.arithmetic else "", width)
    return [*field("evidence", [evidence(found.how, entry), *level, *cause.links[:LINKS]], width), *rounding]


def _case(cause: Cause, law: LawText, width: int, told: bool) -> list[str]:
    """The law on its smallest case: in full where no name says what is wrong. told: whether the worst number is."""
    row, lines = cause.first, list[str]()
    equation = law.equation + (f" where {law.where}" if law.where else "")
    if cause.fault is None and row.verdict == "fail":
        lines += field("law", law.statement, width) + field("equation", equation, width)
    elif cause.fault is not None:
        lines += field("law", f"{row.law}: {equation}", width)
    lines += [*_found(cause, width), *field("details", _details(cause), width)]
    worst = cause.worst_found
    lines += field("worst", f"{worst.message}, before the case was made small", width) if worst and told else []
    return [*lines, *field("simplest", "; ".join(row.simplest), width)]


def _found(cause: Cause, width: int) -> list[str]:
    """What was seen, unless the title says it."""
    message = cause.first.message or cause.first.verdict
    if cause.first.verdict == "error":
        return []
    return [] if message.partition(" ")[2] in cause.name else field("found", message, width)


def _details(cause: Cause) -> Sequence[str]:
    """What a reader needs beyond the message: the innermost frames, or more entries where nothing else tells."""
    row = cause.first
    if row.verdict == "error":
        return frames(row.details)[-FRAMES:]
    told = [line for line in row.details if line not in (row.message, "1 of 1 entries break it")]
    return told[:ENTRIES] if cause.fault is None or _is_refusal(row) else ()


def _is_refusal(row: Result) -> bool:
    """Whether an error was expected, so that a reader asks who was careless: the kernel, or what stands before it."""
    return str(row.law.partition("/")[2]).startswith("refuses-")


def _also(cause: Cause, width: int, room: int) -> list[str]:
    """A line for each further law; those of which the same is to be said, and those for which there is no room, by name.

    room: lines that are left for it. One line says at least how many there are.
    """
    for own, named in ((ALSO, NAMED), (ALSO - 1, NAMED + 2), (1, NAMED + 4), (0, NAMED + 5), (1, 1), (0, 1)):
        lines = _further_laws(cause, width, own, named)
        if len(lines) <= room:
            return lines
    return field("also", counted(len(cause.laws) - 1, "further law"), width)


def _further_laws(cause: Cause, width: int, most: int, named: int) -> list[str]:
    rows = [next(row for row in cause.rows if row.law == law) for law in cause.laws[1:]]
    own = [row for row in rows if row.message != cause.first.message]
    said = [clipped(f"{row.law}: {row.message or row.verdict}", width - LABEL) for row in own[:most]]
    left = [row.law for row in rows if row not in own[:most]]
    names = ", ".join(left[:named]) + (f" and {len(left) - named} more" if len(left) > named else "")
    return field("also", [*said, *paragraph(names, width - LABEL)], width, whole=True)
