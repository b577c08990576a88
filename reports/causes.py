"""What several findings have in common: one mistake breaks many laws, in many dtypes, and is told once.

Evidence puts findings together, never a guess. Those whose diagnosis names a known mistake belong to the mistake that explains
most of what its implementation gets wrong, if their own diagnosis names it too. Those without a name share an exception, or
what came and what was due; those that a baseline expects share the reason that somebody wrote there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from .findings import NOT_RUN
from .schema import Diagnosis, Report, Result
from .schema.report import Cause as Written
from .schema.report import Finding
from .schema.result import WorstFound
from .schema.setting import LawText
from .schema.words import Level
from .sizes import case_size
from .symptoms import symptom

__all__ = ["Cause", "causes", "sole_cause"]

LEVELS: tuple[Level, ...] = ("must", "should", "may")

STRENGTH = ("outputs", "law", "verdicts")
"""How a diagnosis came to its names, the strongest evidence first."""


@dataclass(frozen=True)
class Cause:
    """One cause and the findings that it explains.

    name: of the known mistake, or a sentence about what came. fault: the same name where it is a known mistake, else
    None. sentence: one sentence about it; empty where the name is one. also: mistakes that are equally likely.
    rows: the findings, the one that shows it best first: a must-law, strong evidence, the smallest case, the simplest law.
    dtypes: in the order in which they are declared.
    """

    name: str
    fault: str | None
    sentence: str
    also: tuple[str, ...]
    rows: tuple[Result, ...]
    dtypes: tuple[str, ...]

    @property
    def first(self) -> Result:
        """The finding that shows it best."""
        return self.rows[0]

    @property
    def level(self) -> Level:
        """The strongest of its laws' levels: must, should or may."""
        return min((row.level for row in self.rows), key=LEVELS.index)

    @property
    def known(self) -> str:
        """The baseline's reason, where it expects all of them; else empty."""
        return (self.first.known or "") if all(row.known for row in self.rows) else ""

    @property
    def laws(self) -> tuple[str, ...]:
        """Ids, that of the first finding first."""
        return _once(row.law for row in self.rows)

    @property
    def implementations(self) -> tuple[str, ...]:
        return _once(row.implementation for row in self.rows)

    @property
    def diagnosis(self) -> Diagnosis:
        """That of the first finding; empty where it has none."""
        return self.first.diagnosis

    @property
    def links(self) -> tuple[str, ...]:
        """Addresses of bugs of this kind."""
        ranked = self.diagnosis.ranked or []
        return next((tuple(entry.links) for entry in ranked if entry.fault == self.fault), ())

    @property
    def where(self) -> tuple[str, ...]:
        """Sentences about where outputs are wrong."""
        return self._of_outputs(self.diagnosis.where)

    @property
    def mask(self) -> tuple[str, ...]:
        """Lines that draw the mask that is due beside the one that is kept."""
        return self._of_outputs(self.diagnosis.mask)

    @property
    def factor(self) -> tuple[str, ...]:
        """Sentences about one number that explains the outputs."""
        return self._of_outputs(self.diagnosis.factor)

    @property
    def worst_found(self) -> WorstFound:
        """message and case of the first finding before it was made small, where that was worse; else empty."""
        return self.first.worst_found

    def written(self) -> Written:
        """As it stands in report.json: what it is, and the keys of its results."""
        found = [Finding(row.law, row.implementation, row.dtype) for row in self.rows]
        return Written(self.name, self.fault, self.sentence, self.level, self.known, list(self.also), found)

    def _of_outputs(self, said: Sequence[str]) -> tuple[str, ...]:
        """What is wrong elsewhere, where a mistake explains this law alone, is of another cause."""
        return tuple(said) if self.diagnosis.how in ("outputs", "none") else ()


def causes(report: Report) -> list[Cause]:
    """The causes of a report: must before should, new before known, named before unnamed, then those that explain most laws."""
    rows = [row for row in report.results if _is_finding(row)]
    groups: dict[tuple[Any, ...], list[Result]] = {}
    keys = _keys(rows)
    for row, key in zip(rows, keys, strict=True):
        groups.setdefault(key, []).append(row)
    declared = [dtype for each in report.implementations for dtype in each.dtypes]
    made = [_cause(key, group, declared, report.laws) for key, group in groups.items()]
    return sorted(made, key=_rank)


def sole_cause(row: Result) -> Cause:
    """The cause of one finding alone."""
    return _cause(_key(row, _named([row]).get(0)), [row], [], {})


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _is_finding(row: Result) -> bool:
    return row.verdict in ("fail", "error") and not row.message.startswith(NOT_RUN)


def _rank(cause: Cause) -> tuple[Any, ...]:
    told = cause.fault is not None and cause.diagnosis.how != "verdicts"  # A likeness of verdicts alone is no evidence.
    lonely = cause.first.chapter == "accuracy"  # An estimate says the least about where a mistake is.
    return LEVELS.index(cause.level), bool(cause.known), not told, lonely, -len(cause.laws)


def _keys(rows: Sequence[Result]) -> list[tuple[Any, ...]]:
    """What each finding has in common with others that have its cause.

    Outputs that are wrong without an option are wrong with it for the same reason, so the fewest options stand for all. A
    mistake that explains single laws, and no output elsewhere, yields where more laws fail by outputs that nothing explains.
    Gradients of outputs that are wrong have to be wrong.
    """
    named = _named(rows)
    keys = [_key(row, named.get(n)) for n, row in enumerate(rows)]
    seen = {n: symptom(row) for n, row in enumerate(rows) if keys[n][0] in ("symptom", "fault")}
    unnamed = [n for n, made in seen.items() if keys[n][0] == "symptom" and made.common is not None]

    def fewest(n: int) -> tuple[Any, ...] | None:
        """The key of those findings beside this one that have the fewest options, none but its own; None for none."""
        common = seen[n].common
        alike = [m for m in unnamed if rows[m].implementation == rows[n].implementation and seen[m].part == seen[n].part]
        under = [(len(having), m) for m in alike if common is not None and (having := seen[m].common or frozenset()) <= common]
        return keys[min(under)[1]] if under else None

    keys = [(fewest(n) or key) if n in unnamed else key for n, key in enumerate(keys)]
    keys = [_widest(rows, row, keys, key) if key[0] == "symptom" else key for row, key in zip(rows, keys, strict=True)]
    laws: dict[tuple[Any, ...], set[str]] = {}
    sure: dict[str, list[tuple[Any, ...]]] = {}
    for n, (row, key) in enumerate(zip(rows, keys, strict=True)):
        laws.setdefault((key, row.implementation), set()).add(row.law)
        by_outputs = key[0] == "fault" and row.diagnosis.how == "outputs"
        if row.chapter != "gradients" and (by_outputs or n in unnamed):
            sure.setdefault(row.implementation, []).append(key)
    for n in named:
        implementation = rows[n].implementation
        other = fewest(n) or ("symptom", seen[n].key, implementation)
        proved = keys[n] in sure.get(implementation, [])
        if not proved and len(laws[keys[n], implementation]) < len(laws.get((other, implementation), ())):
            keys[n] = other
    for n in unnamed:
        implementation = rows[n].implementation
        if seen[n].part == "gradients" and implementation in sure:
            keys[n] = max(sure[implementation], key=lambda key: len(laws[key, implementation]))
    return keys


def _widest(rows: Sequence[Result], row: Result, keys: Sequence[tuple[Any, ...]], key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key of the finding in the same dtype whose arithmetic allows most: a kernel has one, and each law asks for a part."""
    if not row.diagnosis.arithmetic:
        return key
    of = (row.implementation, row.dtype)
    alike = [n for n, other in enumerate(rows) if keys[n][0] == "symptom" and of == (other.implementation, other.dtype)]
    return keys[max(alike, key=lambda n: _rank_of(rows[n]))]


def _rank_of(row: Result) -> int:
    rank = row.diagnosis.arithmetic.rank if row.diagnosis.arithmetic else UNSET
    return -1 if rank is UNSET else rank


def _key(row: Result, fault: str | None) -> tuple[Any, ...]:
    """What findings have in common that have one cause. fault: the mistake that a finding belongs to, if it has a name."""
    if fault is not None:
        return ("fault", row.operation, fault)
    if row.known:
        return ("known", row.known)
    seen = symptom(row)
    return ("symptom", seen.key, "" if seen.anywhere else row.implementation)


def _cause(key: Sequence[Any], rows: Sequence[Result], declared: Sequence[str], laws: Mapping[str, LawText]) -> Cause:
    """declared: dtypes, in the order in which they are told."""
    order = list(dict.fromkeys([*declared, *(row.dtype for row in rows)]))
    fault = key[2] if key[0] == "fault" else None

    def showing(row: Result) -> tuple[Any, ...]:
        strange = bool(_ranked(row)) if fault is None else fault not in _ranked(row)
        strange = strange or (row.chapter == "gradients" and any(each.chapter != "gradients" for each in rows))
        return (strange, -_rank_of(row) if fault is None else 0, *_showing(row, laws.get(row.law)), order.index(row.dtype))

    ordered = tuple(sorted(rows, key=showing))
    first, there = ordered[0], {row.dtype for row in ordered}
    dtypes = tuple(dtype for dtype in order if dtype in there)
    if fault is None:
        return Cause(symptom(first).words, None, "", (), ordered, dtypes)
    entry = next(entry for entry in first.diagnosis.ranked if entry.fault == fault)
    level = set.intersection(*(set(_ranked(row)) for row in ordered if fault in _ranked(row))) - {fault}
    also = tuple(other.fault for other in first.diagnosis.ranked if other.fault in level)
    return Cause(fault, fault, entry.title, also, ordered, dtypes)


def _showing(row: Result, law: LawText | None) -> tuple[Any, ...]:
    """How well a finding shows its cause, the best least."""
    how = row.diagnosis.how
    strength = STRENGTH.index(how) if how in STRENGTH else len(STRENGTH)
    return (
        bool(row.known),
        LEVELS.index(row.level),
        strength,
        row.chapter == "accuracy",
        case_size(row.case),
        len(law.equation) if law else 0,
    )


def _named(rows: Sequence[Result]) -> dict[int, str]:
    """Number of a row → the mistake that it belongs to, for all whose diagnosis names one.

    In each implementation the mistake with the strongest evidence on most rows takes all rows that name it; then the next one.
    """
    ranks = {n: _ranked(row) for n, row in enumerate(rows) if not row.known and _ranked(row)}
    found: dict[int, str] = {}
    for implementation in dict.fromkeys(rows[n].implementation for n in ranks):
        left = {n: ranked for n, ranked in ranks.items() if rows[n].implementation == implementation}
        while left:
            fault = max(dict.fromkeys(_faults(left.values())), key=lambda name: _weight(name, left, rows))
            taken = [n for n, ranked in left.items() if fault in ranked]
            found |= dict.fromkeys(taken, fault)
            left = {n: ranked for n, ranked in left.items() if n not in taken}
    return found | dict(_neighbours(rows, found))


def _neighbours(rows: Sequence[Result], named: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """Results that no mistake explains whole, and the one that comes nearest, where that gives all outputs of another law.

    An implementation that has a mistake has it everywhere; a problem on which rounding is large may hide that it is the same.
    """
    outputs = {n: fault for n, fault in named.items() if rows[n].diagnosis.how in ("outputs", "law")}
    sure = {(rows[n].implementation, fault) for n, fault in outputs.items()}
    for n, row in enumerate(rows):
        nearest = row.diagnosis.nearest
        if n not in named and not row.known and nearest and (row.implementation, nearest.fault) in sure:
            yield n, nearest.fault


def _ranked(row: Result) -> list[str]:
    return [entry.fault for entry in row.diagnosis.ranked or []]


def _faults(ranked: Iterable[list[str]]) -> Iterator[str]:
    for names in ranked:
        yield from names


def _weight(fault: str, left: Mapping[int, list[str]], rows: Sequence[Result]) -> tuple[int, ...]:
    """How many rows name a mistake, by strength of evidence; then how many of them put it first."""
    naming = [n for n, ranked in left.items() if fault in ranked]
    strengths: list[str] = [rows[n].diagnosis.how for n in naming]
    return (*(strengths.count(how) for how in STRENGTH), sum(left[n][0] == fault for n in naming))
