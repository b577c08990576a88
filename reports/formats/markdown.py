"""Markdown for a pull request or the summary of a step: short, the worst first, everything else folded.

GitHub takes 65,536 characters of a comment and 1 MiB of a summary, and shows neither of what is longer. So causes are left
out, never cut off in the middle of the page, and a sentence says how many and where they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import escape

from ..cards import card
from ..causes import Cause, causes
from ..certificates import certificate_lines
from ..decided import decided_lines, refusal_lines
from ..findings import given_up, skip_reason
from ..model import counts, headline, outcome
from ..modes import mode_lines
from ..profiles import verdict_line
from ..schema import Report
from ..summary import convention_lines
from ..table import worst_ratio
from ..wording import counted

__all__ = ["LIMIT", "report_markdown"]

LIMIT = 48_000
"""Bytes of a page: room is left in a comment for a comparison beside it."""

IN_FULL, EACH, LONGEST = 10, 4, 4_000
"""Causes that can be unfolded, of these of one implementation, and bytes of one of them."""

NAMED = 3
"""Implementations that are named in a line."""

LISTED = 40
"""Rows of a table, and lines of a fold."""

VERDICTS = ("pass", "fail", "error", "inconclusive", "not-claimed")


def report_markdown(report: Report, limit: int = LIMIT) -> str:
    """GitHub-flavoured Markdown that ends with a line break, of at most `limit` bytes in UTF-8 (8,000 or more)."""
    code, sentence = outcome(report)
    head = [f"### {'❌' if code else '✅'} attnspec: {_plain(verdict_line(report))}", ""]
    head += [f"{_plain(sentence[:1].upper() + sentence[1:])}. {_plain(headline(report)[0][:300])}.", ""]
    if len(report.implementations) <= NAMED:
        head += [f"- {_clipped(_plain(line), 300)}" for line in [*decided_lines(report), *refusal_lines(report)][:LISTED]] + [
            ""
        ]
    head += [f"> ⚠️ {_clipped(_plain(problem), 500)}\n" for problem in report.baseline_problems[:5]]
    head += [*_table(report), ""]
    tail = ["\n".join(lines) for lines in _folds(report)]
    tail.append(f"<sub>{_plain(_made(report))}</sub>")
    room = limit - _size(head)
    kept: list[str] = []
    for block in reversed(tail):  # What the run depends on is said before what it found besides.
        if _size([block]) < room / 2:
            kept, room = [block, "", *kept], room - _size([block]) - 1
    return "\n".join([*head, *_causes(report, room), *kept]).rstrip("\n") + "\n"


def _table(report: Report) -> Iterator[str]:
    yield "| implementation | pass | fail | error | inconclusive | not claimed | worst | conforms to |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    conforming: dict[str, list[str]] = {}
    for entry in report.verdicts:
        conforming.setdefault(entry.implementation, []).extend([entry.profile] if entry.conforms else [])
    ordered = sorted(report.implementations, key=lambda made: -_bad(report, made.name))
    for made in ordered[:LISTED]:
        rows = [row for row in report.results if row.implementation == made.name]
        found, worst = counts(rows), worst_ratio(rows)
        conforms = ", ".join(conforming.get(made.name, [])) or "–"
        cells = [_code(made.name, table=True), *(str(found[verdict] or "") for verdict in VERDICTS)]
        yield "| " + " | ".join([*cells, "–" if worst is None else f"{worst:.2f}", _plain(conforms)]) + " |"
    if len(ordered) > LISTED:
        yield f"| and {len(ordered) - LISTED} more" + " |" * 8


def _bad(report: Report, name: str) -> int:
    return sum(row.implementation == name and row.verdict in ("fail", "error") for row in report.results)


def _causes(report: Report, room: int) -> list[str]:
    """Cards that can be unfolded, the first of them open, then lines for the other causes, as there is room for.

    An implementation may not take the place of all others.
    """
    found = causes(report)
    full: Counter[str] = Counter()
    short: list[Cause] = []
    lines: list[str] = []
    room -= 400
    for cause in found:
        name = cause.implementations[0]
        said = f"<pre>{_clipped(escape(card(cause, report, folder=''), quote=False), LONGEST)}</pre>"
        block = _fold(_line(cause, _html_code, _html), [said], opened=not lines)
        if full[name] < EACH and full.total() < IN_FULL and _size(block) <= room:
            full[name] += 1
            lines, room = [*lines, *block], room - _size(block)
        else:
            short.append(cause)
    others = [f"- {_line(cause, _code, _plain)}" for cause in short]
    kept: list[str] = []
    while len(kept) < len(others) and _size(others[: len(kept) + 1]) <= room - 200:
        kept.append(others[len(kept)])
    lines += _fold(f"{len(kept)} more" if full else counted(len(kept), "cause"), kept) if kept else []
    if len(kept) < len(others):
        left = f"**{counted(len(others) - len(kept), 'more cause')} left out here**"
        lines += ["", f"{left}: all are in report.json and report.html."]
    lines += [f"\n{counted(count, 'result')} {_plain(said[:300])}" for said, count in [*given_up(report).items()][:3]]
    return [*([f"#### {counted(len(found), 'cause')}", ""] if found else []), *lines, ""]


def _fold(summary: str, inside: Sequence[str], *, opened: bool = False) -> list[str]:
    """What stands folded. summary: HTML. inside: lines of Markdown."""
    return [f"<details{' open' if opened else ''}><summary>{summary}</summary>", "", *inside, "", "</details>", ""]


def _line(cause: Cause, code: Callable[[str], str], plain: Callable[[str], str]) -> str:
    """A cause in a sentence: what it is, and where it shows. In HTML or in Markdown."""
    level = "" if cause.level == "must" else f" ({cause.level})"
    name = f"{code(cause.name)}: {plain(cause.sentence)}" if cause.fault else code(_clipped(cause.name, 200))
    laws = code(cause.laws[0]) if len(cause.laws) == 1 else f"{code(cause.laws[0])} and {len(cause.laws) - 1} more laws"
    names = " and ".join(code(each) for each in cause.implementations[:NAMED])
    names += f" and {len(cause.implementations) - NAMED} more" if len(cause.implementations) > NAMED else ""
    known = f" (known: {plain(cause.known[:200])})" if cause.known else ""
    return f"{name}{level} {laws} on {names} in {', '.join(cause.dtypes)}{known}"


def _folds(report: Report) -> Iterator[list[str]]:
    against = [
        f"{_plain(entry.implementation)} to {_plain(entry.profile)}: {_plain('; '.join(entry.reasons))}"
        for entry in report.verdicts
        if not entry.conforms
    ]
    undecided = [
        f"{_code(row.law)} on {_code(row.implementation)} in {row.dtype}: {_plain(_clipped(skip_reason(row), 200))}"
        for row in report.results
        if row.verdict == "inconclusive"
    ]
    for title, lines in (
        ("why something does not conform", against),
        ("inconclusive", undecided),
        ("how they ran", [_plain(line) for line in mode_lines(report)]),
        ("conventions", [_plain(line.strip()) for line in convention_lines(report)]),
        ("what the passes are worth", [_plain(line.strip()) for line in certificate_lines(report)]),
    ):
        if lines:
            more = [f"- and {len(lines) - LISTED} more in report.json"] if len(lines) > LISTED else []
            yield _fold(f"{title}: {len(lines)}", [*(f"- {line}" for line in lines[:LISTED]), *more])[:-1]


def _made(report: Report) -> str:
    """Where and how the run was made."""
    budget, suite, surroundings = report.budget, report.attnspec, report.environment
    packages = ", ".join(f"{name} {version}" for name, version in surroundings.packages.items())
    named = f"suite {suite.suite}, " if suite.suite else ""
    return (
        f"attnspec {suite.version}, {named}spec {suite.spec}, budget {budget.name} of {budget.examples} problems a law, "
        f"seed {report.seed}, {surroundings.platform}, Python {surroundings.python}, {packages}"
    )


def _plain(text: str) -> str:
    """Text that Markdown and HTML leave alone; a line break becomes a space. @ and # would call people and issues."""
    return re.sub(r"([\\`*_\[\]~|])", r"\\\1", _html(text))


def _html(text: str) -> str:
    """The same within HTML, where Markdown does not look."""
    return escape(" ".join(text.split()), quote=False).replace("@", "@<!-- -->").replace("#", "#<!-- -->")


def _html_code(text: str) -> str:
    return f"<code>{escape(' '.join(text.split()), quote=False)}</code>"


def _code(text: str, table: bool = False) -> str:
    """Text as code, whatever backticks it has. table: in a cell, where a bar would end it."""
    line = " ".join(text.split())
    line = line.replace("|", "\\|") if table else line
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def _clipped(text: str, most: int) -> str:
    """At most so many bytes of a text, with words where something is left out."""
    if len(text.encode("utf-8", "replace")) <= most:
        return text
    kept = text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
    return re.sub(r"&[a-z#0-9]*$", "", kept) + " … (cut; report.json has all)"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
