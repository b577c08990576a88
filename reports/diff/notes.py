"""What stands between two reports: reasons for which their numbers cannot be set side by side, and what differs around them."""

from __future__ import annotations

from collections.abc import Iterator

from ..schema import Report
from ..schema.setting import Convention

__all__ = ["comparability", "declarations", "incomplete", "surroundings"]


def incomplete(old: Report, new: Report) -> list[str]:
    """A sentence for each report of a run that did not end. Such a diff cannot be green."""
    return [
        f"the {name} report is INCOMPLETE: {len(report.results)} of {report.planned} results; "
        "what is missing was not compared, so this diff cannot be green"
        for name, report in (("old", old), ("new", new))
        if not report.complete
    ]


def comparability(old: Report, new: Report) -> list[str]:
    """A sentence for each thing that makes the two runs different questions."""
    return list(_comparability(old, new))


def _comparability(old: Report, new: Report) -> Iterator[str]:
    was, now = old.attnspec, new.attnspec
    if was.version != now.version:
        yield f"the suites differ: attnspec {was.version}, then {now.version}; a change may be one of the laws"
    elif was.spec != now.spec:
        yield f"the specs differ: {was.spec}, then {now.spec}; a change may be one of the laws"
    if old.seed != new.seed:
        yield f"the seeds differ: {old.seed}, then {new.seed}; ratios stand on other problems"
    if old.budget != new.budget:
        yield f"the budgets differ: {_budget(old)}, then {_budget(new)}; the larger one finds more, and its worst is worse"
    if old.dtype != new.dtype:
        yield f"the dtypes asked for differ: {old.dtype or 'all'}, then {new.dtype or 'all'}"
    if old.shard != new.shard:
        yield "one report is a shard or both are different ones; merge shards before they are compared"


def _budget(report: Report) -> str:
    return f"{report.budget.name} of {report.budget.examples} problems and {report.budget.timeout:g} s"


def declarations(old: Report, new: Report) -> list[str]:
    """What an implementation declares otherwise, or a probe reads otherwise, where both reports have it."""
    lines = []
    before = {made.name: made for made in old.implementations}
    for made in new.implementations:
        was = before.get(made.name)
        if was is None:
            continue
        for word in ("options", "claims", "dtypes"):
            then, now = set(getattr(was, word)), set(getattr(made, word))
            gone, come = sorted(then - now), sorted(now - then)
            lines += [f"{made.name}: {word} gone: {', '.join(gone)}"] if gone else []
            lines += [f"{made.name}: {word} new: {', '.join(come)}"] if come else []
        for name in sorted({*was.conventions, *made.conventions}):
            first, last = (_choice(x.conventions.get(name)) for x in (was, made))
            lines += [f"{made.name}: {name} {first} → {last}"] if first != last else []
    return lines


def _choice(settled: Convention | None) -> str:
    return "not settled" if settled is None else settled.choice


def surroundings(old: Report, new: Report) -> list[str]:
    """What differs of Python, machine and packages."""
    was, now = old.environment, new.environment
    facts = [(key, getattr(was, key), getattr(now, key)) for key in ("python", "platform", "machine", "cpus")]
    lines = [f"{key} {before} → {after}" for key, before, after in facts if before != after]
    packages = sorted({*was.packages, *now.packages})
    return lines + [
        f"{name} {was.packages.get(name, 'absent')} → {now.packages.get(name, 'absent')}"
        for name in packages
        if was.packages.get(name) != now.packages.get(name)
    ]
