"""The end of a run: what it is worth, the table, findings, conventions, certificates, and the one sentence that matters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import TYPE_CHECKING, Any

from .certificates import certificate_lines
from .decided import decided_lines, refusal_lines
from .findings import finding_line, finding_text, findings, given_up
from .model import headline, outcome
from .modes import mode_lines
from .profiles import verdict_line
from .table import LEGEND, chapter_table
from .wording import counted

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "PLAIN_WIDTH",
    "accuracy_lines",
    "convention_lines",
    "false_alarm_line",
    "print_summary",
    "profile_lines",
    "summary_text",
]

PLAIN_WIDTH = 180
"""Where nobody's terminal says how wide it is: CI logs scroll sideways, wrapped tables do not, and no count is cut."""

ESTIMATED = ("accuracy/scale", "accuracy/gain")
"""Laws whose estimates are told even where they hold."""

SHOWN = 3
"""Findings of one implementation that are printed in full: one mistake breaks many laws, and the first say the most."""


def print_summary(report: Mapping[str, Any], console: Console) -> int:
    """Print the summary and return the exit code of the run."""
    console.print()
    console.print(verdict_line(report), markup=False, highlight=False, soft_wrap=True)
    for line in [*decided_lines(report), *refusal_lines(report)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if report["results"]:
        console.print()
        console.print(chapter_table(report))
        console.print(LEGEND, style="dim", highlight=False)
        console.print(false_alarm_line(report), style="dim", highlight=False, soft_wrap=True)
    for paragraph in _paragraphs(report):
        console.print()
        console.print(paragraph, markup=False, highlight=False, soft_wrap=True)
    code, sentence = outcome(report)
    console.print()
    for line in headline(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(sentence, markup=False, highlight=False, style="bold red" if code else "bold green")
    return code


def summary_text(report: Mapping[str, Any], width: int = PLAIN_WIDTH) -> str:
    """The summary as plain text."""
    from rich.console import Console

    text = StringIO()
    print_summary(report, Console(file=text, width=width, color_system=None))
    return text.getvalue().strip("\n")


def false_alarm_line(report: Mapping[str, Any]) -> str:
    """How often a correct implementation may be found wrong by chance."""
    chances = report["false_alarms"]
    signs, estimates = (f"{1 / chances[name]:,.0f}" for name in ("random_signs", "estimates"))
    drawing = any(made["operation"] == "random_feature_attention" for made in report["implementations"])
    drawn = f", one in {1 / chances['drawn_features']:,.0f} problems of many seeds of random features" if drawing else ""
    return (
        f"false alarms: at most one in {signs} correct outputs where V was drawn with random signs{drawn}, "
        f"and one in {estimates} problems of the chapter accuracy if roundings are independent; none elsewhere"
    )


def accuracy_lines(report: Mapping[str, Any]) -> list[str]:
    """How exact scale and gain of each implementation are in each dtype: the sharpest estimate, or the one that fails."""
    lines: dict[tuple[str, str], list[str]] = {}
    for row in report["results"]:
        found = row["message"] if row["verdict"] == "fail" else row.get("estimate")
        if row["law"] in ESTIMATED and found:
            lines.setdefault((row["implementation"], row["dtype"]), []).append(found)
    return [f"  {name} in {dtype}: {', '.join(found)}" for (name, dtype), found in lines.items()]


def convention_lines(report: Mapping[str, Any]) -> list[str]:
    """How each implementation settles what the spec leaves open, where it declares it or a probe shows it."""
    lines = []
    for made in report["implementations"]:
        settled = [
            f"{name} {entry['choice']} ({entry['how']})"
            for name, entry in made["conventions"].items()
            if entry["how"] != "assumed"
        ]
        if settled:
            lines.append(f"  {made['name']}: {', '.join(settled)}")
    return lines


def profile_lines(report: Mapping[str, Any]) -> list[str]:
    """What the run certifies, and what is missing where it does not."""
    if report["budget"]["name"] == "quick":
        return ["  a quick run certifies none; --budget standard does"] if report["verdicts"] else []
    return [
        f"  {entry['implementation']} conforms to {entry['profile']}: "
        + ("yes" if entry["conforms"] else f"no: {'; '.join(entry['reasons'])}")
        for entry in report["verdicts"]
    ]


def _paragraphs(report: Mapping[str, Any]) -> Iterator[str]:
    addresses = {made["name"]: made["address"] for made in report["implementations"]}
    shown: Counter[str] = Counter()
    short: dict[str, list[str]] = {}
    for first, *rest in findings(report):
        name = first["implementation"]
        shown[name] += 1
        if shown[name] <= SHOWN:
            yield finding_text(first, report["laws"][first["law"]], addresses[name], others=rest)
        else:
            short.setdefault(name, []).append(finding_line(first))
    for name, lines in short.items():
        yield "\n".join([f"{len(lines)} more laws that do not hold for {name}, in full in report.json (--out DIR)", *lines])
    for message, count in given_up(report).items():
        yield f"{counted(count, 'result')} {message}"
    notes = [f"  {made['name']}: {note}" for made in report["implementations"] for note in made["notes"]]
    for title, lines in (
        ("accuracy", accuracy_lines(report)),
        ("modes", [f"  {line}" for line in mode_lines(report)]),
        ("notes", notes),
        ("conventions", convention_lines(report)),
        ("profiles", profile_lines(report)),
        ("certificates", certificate_lines(report)),
        ("baseline", [f"  {problem}" for problem in report["baseline_problems"]]),
    ):
        if lines:
            yield "\n".join([title, *lines])
