"""Which profiles a run certifies: "conforms to core" is a strong sentence, so everything that is missing says no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .decided import excused
from .schema import Report
from .schema.report import Against, ProfileVerdict
from .schema.setting import Implementation, Shard
from .wording import counted

__all__ = ["asked_dtypes", "conformance_line", "profile_verdicts", "shard_name", "verdict_line"]

WORDS: dict[Against, str] = {
    "fail": "does not hold",
    "error": "has no answer",
    "inconclusive": "is inconclusive",
    "not-claimed": "is not claimed",
    "not-run": "was not run",
}
"""Why a must-law speaks against a profile. not-run: in some dtype it has no result; the others are verdicts."""

NAMED = 3
"""Implementations that are named in a line when they fare alike."""


def profile_verdicts(report: Report) -> list[ProfileVerdict]:
    """One entry for each implementation and each profile all of whose must-laws were asked for.

    Yes only when the run is complete and every must-law of the profile was run in every dtype of the implementation, claimed
    and passed, with at least the problems of the standard budget. Otherwise `reasons` says what is missing, in sentences, and
    `laws` names every law that speaks against it. A shard certifies nothing: no profile is whole in it.
    """
    if report.shard:
        return []
    verdicts = []
    for made in report.implementations:
        for name, profile in report.profiles.items():
            members = [law for law, operation in profile.must.items() if operation == made.operation]
            if members and all(law in report.laws for law in members):
                laws = _against(report, made, members)
                reasons = [*_effort(report, made.mode), *_refused(report, made, laws)]
                reasons += [_few(WORDS[why], found) for why, found in laws.items()]
                verdicts.append(ProfileVerdict(name, made.name, not reasons, reasons, laws))
    return verdicts


def verdict_line(report: Report) -> str:
    """The first line of every form of a report: whether it is whole, and what it certifies."""
    if not report.complete:
        lacking = _lacking(report)
        return f"INCOMPLETE: {len(report.results)} of {report.planned} results{lacking}; nothing is certified"
    if report.shard:
        return f"shard {shard_name(report.shard)}: certifies nothing by itself; attnspec report merge joins the shards"
    if report.budget.name == "quick":
        return "quick: not a conformance result"
    if not report.verdicts:
        return "no profile was tried as a whole, so nothing is certified"
    return conformance_line(report.verdicts)


def conformance_line(verdicts: Sequence[ProfileVerdict]) -> str:
    """Who conforms to what: implementations that fare alike stand together, those that conform first."""
    fared: dict[str, tuple[list[str], list[str]]] = {}
    for entry in verdicts:
        fared.setdefault(entry.implementation, ([], []))[not entry.conforms].append(entry.profile)
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name, (yes, no) in fared.items():
        groups.setdefault((tuple(yes), tuple(no)), []).append(name)
    ordered = sorted(groups.items(), key=lambda group: -len(group[0][0]))
    return "; ".join(_fared(names, yes, no) for (yes, no), names in ordered)


def asked_dtypes(report: Report) -> list[str] | None:
    """The only dtypes of a run, or None for all. Earlier versions knew one, and wrote it as a string."""
    asked = report.dtype
    return [asked] if isinstance(asked, str) else asked


def shard_name(shard: Shard) -> str:
    """`2/3`."""
    return f"{shard.number}/{shard.of}"


def _fared(names: list[str], yes: Sequence[str], no: Sequence[str]) -> str:
    shown = [*names[:NAMED], *([f"{len(names) - NAMED} more"] if len(names) > NAMED else [])]
    who, one = _list(shown, "and"), len(names) == 1
    if not yes:
        return f"{who} {'does' if one else 'do'} not conform to {_list(no, 'or')}"
    return f"{who} conform{'s' if one else ''} to {_list(yes, 'and')}" + (f", not to {_list(no, 'or')}" if no else "")


def _list(names: Sequence[str], word: str) -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _lacking(report: Report) -> str:
    """The shards that a merge did not get."""
    there = [part.shard for part in report.merged or () if part.shard]
    numbers = {shard.number for shard in there}
    missing = [f"{n}/{there[0].of}" for n in range(1, there[0].of + 1) if n not in numbers] if there else []
    return f", shard{'s' if len(missing) > 1 else ''} {_list(missing, 'and')} missing" if missing else ""


def _effort(report: Report, mode: str) -> Iterator[str]:
    budget = report.budget
    eager = mode == "eager"
    tried = budget.examples if eager else budget.costly
    due = report.standard_examples if eager else report.standard_costly
    if not report.complete:
        yield "the run is not complete"
    if budget.name == "quick":
        yield "quick: not a conformance result"
    elif tried < due:
        yield f"{counted(tried, 'problem')} a law {'are' if tried != 1 else 'is'} fewer than the standard {due}"
    if (dtypes := asked_dtypes(report)) is not None:
        yield f"only {_list(dtypes, 'and')} {'was' if len(dtypes) == 1 else 'were'} run"


def _against(report: Report, made: Implementation, members: list[str]) -> dict[Against, list[str]]:
    """Why → the laws of a profile that speak against an implementation for this reason in some dtype."""
    own = [row for row in report.results if row.implementation == made.name]
    found = {(row.law, row.dtype): row.verdict for row in own}
    members = [law for law in members if law not in {row.law for row in own if excused(row)}]
    asked = asked_dtypes(report)
    dtypes = made.dtypes if asked is None else [dtype for dtype in asked if dtype in made.dtypes] or asked
    laws: dict[Against, list[str]] = {}
    order: list[Against] = ["not-run", *WORDS]
    for why in order:
        against = [law for law in members if any(found.get((law, dtype), "not-run") == why for dtype in dtypes)]
        if against:
            laws[why] = against
    return laws


def _refused(report: Report, made: Implementation, laws: Mapping[Against, list[str]]) -> Iterator[str]:
    """Which refusals of an implementation stand in the way of a profile, in the words of the survey."""
    against = set(laws.get("not-claimed", ()))
    said = {row.message for row in report.results if row.implementation == made.name and row.law in against}
    for refusal in made.refusals:
        if any(message.startswith(refusal.sentence) for message in said):
            yield f"it {refusal.sentence}"


def _few(words: str, laws: list[str]) -> str:
    more = f" (and {len(laws) - 1} more)" if len(laws) > 1 else ""
    return f"{laws[0]} {words}{more}"
