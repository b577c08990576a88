"""Markdown for a pull request or the summary of a step: short, the worst first, everything else folded.

GitHub takes 65,536 characters of a comment and 1 MiB of a summary, and shows neither of what is longer. So findings are left
out, never cut off in the middle of the page, and a sentence says how many and where they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ..certificates import certificate_lines
from ..diagnosis import leading
from ..findings import finding_text, findings, given_up, skip_reason
from ..model import counts, headline, outcome
from ..modes import mode_lines
from ..profiles import verdict_line
from ..summary import convention_lines
from ..table import worst_ratio
from ..wording import counted

__all__ = ["LIMIT", "report_markdown"]

LIMIT = 48_000
"""Bytes of a page: room is left in a comment for a comparison beside it."""

IN_FULL, EACH, LONGEST = 10, 4, 4_000
"""Findings that can be unfolded, of these of one implementation, and bytes of one of them."""

LISTED = 40
"""Rows of a table, and lines of a fold."""

VERDICTS = ("pass", "fail", "error", "inconclusive", "not-claimed")


def report_markdown(report: Mapping[str, Any], limit: int = LIMIT) -> str:
    """GitHub-flavoured Markdown that ends with a line break, of at most `limit` bytes in UTF-8 (8,000 or more)."""
    code, sentence = outcome(report)
    head = [f"### {'❌' if code else '✅'} attnspec: {_plain(verdict_line(report))}", ""]
    head += [f"{_plain(sentence[:1].upper() + sentence[1:])}. {_plain(headline(report)[0][:300])}.", ""]
    head += [f"> ⚠️ {_clipped(_plain(problem), 500)}\n" for problem in report["baseline_problems"][:5]]
    head += [*_table(report), ""]
    tail = ["\n".join(lines) for lines in _folds(report)]
    tail.append(f"<sub>{_plain(_made(report))}</sub>")
    room = limit - _size(head)
    kept: list[str] = []
    for block in reversed(tail):  # What the run depends on is said before what it found besides.
        if _size([block]) < room / 2:
            kept, room = [block, "", *kept], room - _size([block]) - 1
    return "\n".join([*head, *_findings(report, room), *kept]).rstrip("\n") + "\n"


def _table(report: Mapping[str, Any]) -> Iterator[str]:
    yield "| implementation | pass | fail | error | inconclusive | not claimed | worst | conforms to |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    conforming: dict[str, list[str]] = {}
    for entry in report["verdicts"]:
        conforming.setdefault(entry["implementation"], []).extend([entry["profile"]] if entry["conforms"] else [])
    ordered = sorted(report["implementations"], key=lambda made: -_bad(report, made["name"]))
    for made in ordered[:LISTED]:
        rows = [row for row in report["results"] if row["implementation"] == made["name"]]
        found, worst = counts(rows), worst_ratio(rows)
        conforms = ", ".join(conforming.get(made["name"], [])) or "–"
        cells = [_code(made["name"], table=True), *(str(found[verdict] or "") for verdict in VERDICTS)]
        yield "| " + " | ".join([*cells, "–" if worst is None else f"{worst:.2f}", _plain(conforms)]) + " |"
    if len(ordered) > LISTED:
        yield f"| and {len(ordered) - LISTED} more" + " |" * 8


def _bad(report: Mapping[str, Any], name: str) -> int:
    return sum(row["implementation"] == name and row["verdict"] in ("fail", "error") for row in report["results"])


def _findings(report: Mapping[str, Any], room: int) -> list[str]:
    """Some findings of each implementation that can be unfolded, then a fold with lines of its others, as there is room for.

    One mistake breaks many laws, so an implementation may not take the place of all others.
    """
    addresses = {made["name"]: made["address"] for made in report["implementations"]}
    groups = findings(report)
    full: Counter[str] = Counter()
    short: dict[str, list[str]] = {}
    lines: list[str] = []
    room -= 400
    for first, *rest in groups:
        name = first["implementation"]
        text = finding_text(first, report["laws"][first["law"]], addresses[name], others=rest)
        said = f"<pre>{_clipped(escape(text, quote=False), LONGEST)}</pre>"
        block = _fold(_line([first, *rest], _html_code, _html), [said])
        if full[name] < EACH and full.total() < IN_FULL and _size(block) <= room:
            full[name] += 1
            lines, room = [*lines, *block], room - _size(block)
        else:
            short.setdefault(name, []).append(f"- {_line([first, *rest], _code, _plain)}")
    told = full.total()
    for name, others in short.items():
        kept: list[str] = []
        room -= 200 + len(name.encode())  # The fold around them.
        while len(kept) < len(others) and _size(others[: len(kept) + 1]) <= room:
            kept.append(others[len(kept)])
        if kept:
            what = (
                f"{counted(len(kept), 'more law')} on {_html_code(name)}"
                if full[name]
                else f"{len(kept)} on {_html_code(name)}"
            )
            lines += _fold(what, kept)
        told, room = told + len(kept), room - _size(kept)
    if told < len(groups):
        left = f"**{counted(len(groups) - told, 'more finding')} left out here**"
        lines += ["", f"{left}: all are in report.json and report.html."]
    lines += [f"\n{counted(count, 'result')} {_plain(said[:300])}" for said, count in [*given_up(report).items()][:3]]
    return [*(["#### Laws that do not hold", ""] if groups else []), *lines, ""]


def _fold(summary: str, inside: Sequence[str]) -> list[str]:
    """What stands folded. summary: HTML. inside: lines of Markdown."""
    return [f"<details><summary>{summary}</summary>", "", *inside, "", "</details>", ""]


def _line(rows: Sequence[Mapping[str, Any]], code: Callable[[str], str], plain: Callable[[str], str]) -> str:
    """One finding: law, implementation, dtypes, what was seen, and what it looks like. In HTML or in Markdown."""
    first = rows[0]
    dtypes = " and ".join(dict.fromkeys(row["dtype"] for row in rows if row["law"] == first["law"]))
    level = "" if first["level"] == "must" else f" ({first['level']})"
    laws = {row["law"] for row in rows}
    more = f" and {len(laws) - 1} more laws" if len(laws) > 1 else ""
    looks = f", looks like {code(str(leading(first)))}" if leading(first) else ""
    known = f" (known: {plain(first['known'][:200])})" if first.get("known") else ""
    said = _clipped(first["message"] or first["verdict"], 200)
    return f"{code(first['law'])}{level}{more} on {code(first['implementation'])} in {dtypes}: {code(said)}{looks}{known}"


def _folds(report: Mapping[str, Any]) -> Iterator[list[str]]:
    against = [
        f"{_plain(entry['implementation'])} to {_plain(entry['profile'])}: {_plain('; '.join(entry['reasons']))}"
        for entry in report["verdicts"]
        if not entry["conforms"]
    ]
    undecided = [
        f"{_code(row['law'])} on {_code(row['implementation'])} in {row['dtype']}: {_plain(_clipped(skip_reason(row), 200))}"
        for row in report["results"]
        if row["verdict"] == "inconclusive"
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


def _made(report: Mapping[str, Any]) -> str:
    """Where and how the run was made."""
    budget, suite, surroundings = report["budget"], report["attnspec"], report["environment"]
    packages = ", ".join(f"{name} {version}" for name, version in surroundings["packages"].items())
    return (
        f"attnspec {suite['version']}, spec {suite['spec']}, budget {budget['name']} of {budget['examples']} problems a law, "
        f"seed {report['seed']}, {surroundings['platform']}, Python {surroundings['python']}, {packages}"
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
