"""Whether reports may be put together: asked the same way, of the same suite, with the same versions, each part once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, to_builtins
from msgspec.structs import replace

from .profiles import shard_name
from .record import Record
from .schema import Report
from .schema.setting import KnownFailure, Shard

__all__ = ["SAME", "MergeError", "Part", "agree", "difference", "same_surroundings", "shards_of"]

Part = tuple[str, Record]
"""The name by which a complaint calls a report, and the report."""

SAME = (
    "format",
    "attnspec",
    "budget",
    "standard_examples",
    "standard_costly",
    "seed",
    "dtype",
    "false_alarms",
    "profiles",
    "all_laws",
)
WORDS = {
    "format": "formats of the report",
    "attnspec": "versions of the suite",
    "budget": "budgets",
    "standard_examples": "standard budgets",
    "standard_costly": "standard budgets of costly modes",
    "seed": "seeds",
    "dtype": "dtypes asked for",
    "false_alarms": "chances of false alarms",
    "profiles": "profiles",
    "all_laws": "sets of laws",
}


class MergeError(Exception):
    """Reports that do not belong together. The text is one sentence that names two of them and the difference."""


def agree(one: Part, two: Part) -> None:
    """Raises MergeError where two reports were not asked the same way."""
    for key in SAME:
        ours, theirs = one[1].data[key], two[1].data[key]
        if ours != theirs:
            raise MergeError(f"{one[0]} and {two[0]} have different {WORDS[key]}: {difference(ours, theirs)}")
    left, right = ([_bare(entry) for entry in record.report.baseline] for _, record in (one, two))
    if left != right:
        alone = next(
            entry for entry in [*left, *right] if (entry in left) != (entry in right) or left.count(entry) != right.count(entry)
        )
        said = f"the entry for {alone.law} on {alone.implementation} is not the same in both"
        raise MergeError(f"{one[0]} and {two[0]} have different baselines: {said}")


def _bare(entry: KnownFailure) -> KnownFailure:
    """An entry without its place in a file, which differs from machine to machine."""
    return replace(entry, file=UNSET, line=UNSET, last_line=UNSET)


def difference(one: Any, two: Any) -> str:
    """The first thing in which two values differ, briefly."""
    one, two = to_builtins(one), to_builtins(two)
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        key = next(key for key in [*one, *two] if one.get(key) != two.get(key))
        return f"{key} {_brief(one.get(key))} and {_brief(two.get(key))}"
    return f"{_brief(one)} and {_brief(two)}"


def _brief(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 80 else text[:80] + "…"


def same_surroundings(one: Part, two: Part) -> None:
    """Raises MergeError where versions differ that matter: of packages that both have, and of all where both are about one
    implementation."""
    left, right = one[1].report.environment, two[1].report.environment
    shared = {*_names(one[1].report)} & {*_names(two[1].report)}
    mine, theirs = left.packages, right.packages
    names = sorted({*mine, *theirs} if shared else {*mine} & {*theirs})
    facts = [(name, mine.get(name), theirs.get(name)) for name in names]
    if shared:
        facts += [("Python", _minor(left.python), _minor(right.python)), ("machine", left.machine, right.machine)]
    for name, ours, other in facts:
        if ours != other:
            raise MergeError(f"{one[0]} and {two[0]} were made with different {name}: {_brief(ours)} and {_brief(other)}")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def shards_of(parts: Sequence[Part]) -> list[Shard]:
    """The shard of each part, or nothing where the parts are whole runs. Raises MergeError where they are not of one run."""
    there: dict[int, tuple[str, Shard]] = {}
    first_name, first = parts[0][0], parts[0][1].report
    for name, record in parts:
        report, shard = record.report, record.report.shard
        if bool(shard) != bool(first.shard):
            raise MergeError(
                f"{first_name} and {name}: one is a shard and the other a whole run; merge the shards of a run first"
            )
        if not shard or not first.shard:
            if not report.complete and any(part.shard for part in report.merged or ()):
                raise MergeError(f"{name} is a merge that lacks results of shards; merge the shards themselves again")
            continue
        for what, ours, theirs in (
            ("number of shards", first.shard.of, shard.of),
            ("number of results in all", first.shard.whole, shard.whole),
            ("laws", list(first.laws), list(report.laws)),
            ("implementations", _names(first), _names(report)),
        ):
            if ours != theirs:
                raise MergeError(
                    f"{first_name} and {name} are shards of different runs: {what} {_brief(ours)} and {_brief(theirs)}"
                )
        if shard.number in there:
            raise MergeError(f"{there[shard.number][0]} and {name} are both shard {shard_name(shard)}")
        there[shard.number] = (name, shard)
    return [shard for _, shard in there.values()]


def _names(report: Report) -> list[str]:
    return [made.name for made in report.implementations]
