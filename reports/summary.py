"""The end of a run: what it is worth, its causes, the table, conventions, certificates, and the one sentence that matters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any

from ..spec.operations import operations
from .cards import brief_card, card, line_of
from .causes import Cause, causes
from .certificates import certificate_lines
from .decided import decided_lines, refusal_lines
from .findings import given_up
from .lines import WIDTH, paragraph
from .model import headline, outcome
from .modes import mode_lines, softened_lines
from .profiles import verdict_line
from .schema import Report
from .table import LEGEND, chapter_tables
from .visible import visible
from .wording import counted

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "accuracy_lines",
    "cause_paragraphs",
    "convention_lines",
    "failure_text",
    "false_alarm_line",
    "print_summary",
    "profile_lines",
    "summary_text",
]

ESTIMATED = ("accuracy/scale", "accuracy/gain")
"""Laws whose estimates are told even where they hold."""

EACH, IN_FULL = 3, 10
"""Causes that have a whole card: of one implementation, and of all."""

BRIEF = 8
"""Causes that have a few lines; what is left has one."""


def print_summary(report: Report, console: Console, folder: str | None = None) -> int:
    """Print the summary and return the exit code of the run.

    folder: where the report lies, as a reader finds it, ending with /; None where it was not written.
    """
    code, sentence = outcome(report)

    def say(text: Any, style: str = "") -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)

    def tell(text: str, style: str = "") -> None:
        say("\n".join(paragraph(visible(text))), style)

    console.print()
    tell(verdict_line(report))
    for line in [*decided_lines(report), *refusal_lines(report)]:
        tell(line)
    for told in cause_paragraphs(report, WIDTH, folder):
        say(f"\n{visible(told)}")
    for block in chapter_tables(report, console.width):
        console.print()
        for row in block:
            say(row)
    if report.results:
        tell(LEGEND, "dim")
        tell(false_alarm_line(report), "dim")
    for told in _further(report):
        say(f"\n{visible(told)}")
    console.print()
    for line in headline(report):
        tell(line)
    tell(sentence, "bold red" if code else "bold green")
    return code


def summary_text(report: Report, width: int = WIDTH) -> str:
    """The summary as plain text."""
    from rich.console import Console

    text = StringIO()
    print_summary(report, Console(file=text, width=width, color_system=None), folder="")
    return text.getvalue().strip("\n")


def failure_text(report: Report, width: int = WIDTH) -> str:
    """What a failing assertion says: the causes, and the sentence that matters."""
    last = [line for said in (*headline(report), outcome(report)[1]) for line in paragraph(said, width)]
    return visible("\n\n".join([*cause_paragraphs(report, width), "\n".join(last)]))


def cause_paragraphs(report: Report, width: int = WIDTH, folder: str | None = None) -> Iterator[str]:
    """The causes, those that matter most in full. folder: as for `print_summary`."""
    found = causes(report)
    new, known = [cause for cause in found if not cause.known], [cause for cause in found if cause.known]
    shown: Counter[str] = Counter()
    short: list[Cause] = []
    for cause in new:
        name = cause.implementations[0]
        if cause.level == "must" and shown[name] < EACH and shown.total() < IN_FULL:
            shown[name] += 1
            yield card(cause, report, width=width, folder=folder)
        else:
            short.append(cause)
    for cause in short[:BRIEF]:
        yield brief_card(cause, report, width=width)
    for title, rest in (("further causes", short[BRIEF:]), ("known failures, which the baseline expects", known)):
        if rest:
            yield "\n".join([f"{title}: {len(rest)}", *(line for cause in rest for line in line_of(cause, width))])
    for message, count in given_up(report).items():
        yield "\n".join(paragraph(f"{counted(count, 'result')} {message}", width))


def false_alarm_line(report: Report) -> str:
    """How often a correct implementation may be found wrong by chance."""
    chances = report.false_alarms
    signs, estimates = (f"{1 / chance:,.0f}" for chance in (chances.random_signs, chances.estimates))
    known = operations()
    drawing = any(known.get(made.operation, {}).get("draws") for made in report.implementations)
    chance = chances.drawn_features if drawing else None
    drawn = f", one in {1 / chance:,.0f} problems of many seeds of random features" if chance else ""
    return (
        f"false alarms: at most one in {signs} correct outputs where V was drawn with random signs{drawn}, "
        f"and one in {estimates} problems of the chapter accuracy if roundings are independent; none elsewhere"
    )


def accuracy_lines(report: Report) -> list[str]:
    """How exact scale and gain of each implementation are in each dtype: the sharpest estimate, or the one that fails."""
    lines: dict[tuple[str, str], list[str]] = {}
    for row in report.results:
        found = row.message if row.verdict == "fail" else row.estimate
        if row.law in ESTIMATED and found:
            lines.setdefault((row.implementation, row.dtype), []).append(found)
    return [f"  {name} in {dtype}: {', '.join(found)}" for (name, dtype), found in lines.items()]


def convention_lines(report: Report) -> list[str]:
    """How each implementation settles what the spec leaves open, where it declares it or a probe shows it."""
    lines = []
    for made in report.implementations:
        settled = [f"{name} {entry.choice} ({entry.how})" for name, entry in made.conventions.items() if entry.how != "assumed"]
        if settled:
            lines.append(f"  {made.name}: {', '.join(settled)}")
    return lines


def profile_lines(report: Report) -> list[str]:
    """What the run certifies, and what is missing where it does not."""
    if report.budget.name == "quick":
        return ["  a quick run certifies none; --budget standard does"] if report.verdicts else []
    return [
        f"  {entry.implementation} conforms to {entry.profile}: "
        + ("yes" if entry.conforms else f"no: {'; '.join(entry.reasons)}")
        for entry in report.verdicts
    ]


def _further(report: Report) -> Iterator[str]:
    """What stands below the table."""
    notes = [f"  {made.name}: {note}" for made in report.implementations for note in made.notes]
    for title, lines in (
        ("accuracy", accuracy_lines(report)),
        ("modes", [f"  {line}" for line in mode_lines(report)]),
        ("notes", [*notes, *softened_lines(report)]),
        ("conventions", convention_lines(report)),
        ("profiles", profile_lines(report)),
        ("certificates", certificate_lines(report)),
        ("baseline", [f"  {problem}" for problem in report.baseline_problems]),
    ):
        if lines:
            yield "\n".join([title, *(part for line in lines for part in paragraph(line, WIDTH, indent="    "))])
