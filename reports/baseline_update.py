"""A baseline brought in line with a report, by changing the lines that have to change and no other.

A reason is never invented: a new entry has an empty one, which `load_baseline` refuses until somebody fills it in. What goes is
said in full, so that a reason that somebody wrote is not lost without a trace.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .baseline import expired, failing, failure, left_out, matches, place
from .baseline_file import BaselineError, Entry, entries_of
from .schema import Report

__all__ = ["Update", "updated"]

HEAD = """\
# Known failures: attnspec run IMPL --baseline THIS_FILE
# They still run. One that passes, expired or matches nothing turns the run red.
"""
SAY_WHY = 'reason: ""  # say why'
ORDER = ("law", "implementation", "dtype", "reason", "link", "expires", "fails")


@dataclass
class Update:
    """text: the new file. said: what was removed, narrowed or dropped, a line each. unsaid: entries that have no reason."""

    text: str
    said: list[str] = field(default_factory=list)
    unsaid: list[Entry] = field(default_factory=list)
    kept: int = 0
    added: int = 0
    removed: int = 0


def updated(text: str, report: Report, file: Path) -> Update:
    """The file `text` brought in line with a report.

    Entries that excuse a failure, or that speak of what the run left out, stay as they stand, an expired one too. An entry of
    which a part now passes becomes one entry for each failure that is left, with the same reason. Entries that pass, excuse
    nothing or match nothing go, with the comment that stands right above them. Failures of must-laws that no entry is about
    come in at the end. Raises BaselineError for a broken file, and for a report that is not whole.
    """
    if not report.complete or report.shard:
        raise BaselineError("the report is of a part of a run; a baseline is updated from a whole one, or it loses entries")
    entries = entries_of(file, text)
    update, lines = Update(text), text.splitlines()
    flow = bool(entries) and not lines[entries[0]["line"] - 1].lstrip().startswith("-")
    covered: list[Entry] = []
    blocks: list[tuple[Entry, list[Entry]]] = []
    for entry in entries:
        stays = _stays(entry, report, update)
        covered += stays
        blocks.append((entry, stays))
    new = [entry for group in _uncovered(covered, report) for entry in _new(*group)]
    update.added = len(new)
    if flow:
        update.said.append(f"{file}: was one list in brackets, and is written anew as lines; its comments are dropped")
        update.text = HEAD + "".join("\n" + _block(entry) for entry in [*covered, *new])
    else:
        update.text = _edited(lines, blocks, new, update)
    update.unsaid = [entry for entry in entries_of(file, update.text) if not entry.get("reason", "").strip()]
    return update


def _stays(entry: Entry, report: Report, update: Update) -> list[Entry]:
    """What becomes of an entry: itself, narrower ones, or nothing."""
    failed = failure(entry)
    rows = [row for row in report.results if matches(failed, row)]
    bad, passing = [row for row in rows if failing(row)], [row for row in rows if row.verdict == "pass"]
    holds = bad or passing if failed.fails == "sometimes" else bad and not passing
    if holds or (not rows and left_out(failed, report)):
        update.kept += 1
        if expired(failed):
            update.said.append(f"{place(failed)}: expired on {failed.expires} and still fails; say a later date, or fix it")
        return [entry]
    about = "; ".join(f"{key}: {entry[key]}" for key in ORDER if key in entry)
    if bad:
        update.kept += 1
        update.said.append(f"{place(failed)}: narrowed to what still fails: {about}")
        return [{**entry, "law": row.law, "implementation": row.implementation, "dtype": row.dtype} for row in bad]
    update.removed += 1
    why = "passes" if passing else "excuses nothing" if rows else "matches nothing"
    update.said.append(f"{place(failed)}: removed, it {why}: {about}")
    return []


def _uncovered(entries: Sequence[Entry], report: Report) -> list[tuple[str, str, list[str], bool]]:
    """Law, implementation and dtypes of failures of must-laws that no entry is about, and whether these are all dtypes."""
    found: dict[tuple[str, str], list[str]] = {}
    excused = [failure(entry) for entry in entries]
    for row in report.results:
        if row.level == "must" and failing(row) and not any(matches(entry, row) for entry in excused):
            found.setdefault((row.law, row.implementation), []).append(row.dtype)
    dtypes = {made.name: set(made.dtypes) for made in report.implementations}
    return [(law, made, failed, dtypes[made] == set(failed)) for (law, made), failed in found.items()]


def _new(law: str, implementation: str, dtypes: Sequence[str], every: bool) -> list[Entry]:
    named: list[Entry] = [{}] if every else [{"dtype": dtype} for dtype in dtypes]
    return [{"law": law, "implementation": implementation, **dtype, "reason": ""} for dtype in named]


def _block(entry: Entry, indent: str = "") -> str:
    """An entry as lines of YAML."""
    lines: list[str] = []
    for key in ORDER:
        if key in entry:
            plain = SAY_WHY if key == "reason" and not entry[key] else f"{key}: {_scalar(entry[key], key)}"
            lines.append(f"{indent}{'  ' if lines else '- '}{plain}")
    return "\n".join(lines) + "\n"


def _scalar(text: str, key: str) -> str:
    """A text as YAML reads it back: plain where that is one, in double quotes otherwise."""
    import yaml

    try:
        loaded = yaml.safe_load(f"{key}: {text}")
    except yaml.YAMLError:
        loaded = None
    good = isinstance(loaded, dict) and str(loaded.get(key)) == text and "\n" not in text
    return text if good else json.dumps(text, ensure_ascii=False)


def _edited(lines: list[str], blocks: Sequence[tuple[Entry, list[Entry]]], new: Sequence[Entry], update: Update) -> str:
    """The lines with each entry that does not stay as it stands replaced, and new ones at the end."""
    indent = lines[blocks[0][0]["line"] - 1].split("-")[0] if blocks else ""
    for entry, stays in reversed(blocks):
        if stays == [entry]:
            continue
        first, last = entry["line"] - 1, entry["last_line"]
        inside = [line.strip() for line in lines[first:last] if line.lstrip().startswith("#")]
        if not stays:
            while first and lines[first - 1].lstrip().startswith("#") and not _is_head(lines, first - 1):
                first -= 1
                inside.insert(0, lines[first].strip())
            while last < len(lines) and not lines[last].strip():
                last += 1
        update.said += [f"{place(failure(entry))}: its comment is dropped: {comment}" for comment in inside]
        lines[first:last] = "\n".join(_block(narrow, indent) for narrow in stays).splitlines()
    text = "\n".join(lines).rstrip("\n") + "\n" if lines else HEAD
    if not entries_of(Path("-"), text) and text.rstrip().endswith("[]"):
        text = text.rstrip().removesuffix("[]").rstrip() + "\n"
    return text + "".join("\n" + _block(entry, indent) for entry in new)


def _is_head(lines: Sequence[str], n: int) -> bool:
    """Whether a comment belongs to the comment with which the file begins."""
    return all(line.lstrip().startswith("#") for line in lines[: n + 1])
