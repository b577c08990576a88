"""What several findings have in common: one mistake breaks many laws, in many dtypes, and is told once.

Evidence puts findings together, never a guess. Those whose diagnosis names a known mistake belong to the mistake that explains
most of what its implementation gets wrong, if their own diagnosis names it too. Those without a name share an exception, or
what came and what was due; those that a baseline expects share the reason that somebody wrote there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .findings import NOT_RUN
from .sizes import case_size
from .symptoms import symptom

__all__ = ["Cause", "causes", "sole_cause"]

Row = Mapping[str, Any]

LEVELS = ("must", "should", "may")

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
    rows: tuple[Row, ...]
    dtypes: tuple[str, ...]

    @property
    def first(self) -> Row:
        """The finding that shows it best."""
        return self.rows[0]

    @property
    def level(self) -> str:
        """The strongest of its laws' levels: must, should or may."""
        strongest: str = min((row["level"] for row in self.rows), key=LEVELS.index)
        return strongest

    @property
    def known(self) -> str:
        """The baseline's reason, where it expects all of them; else empty."""
        return str(self.first["known"]) if all(row.get("known") for row in self.rows) else ""

    @property
    def laws(self) -> tuple[str, ...]:
        """Ids, that of the first finding first."""
        return self._each("law")

    @property
    def implementations(self) -> tuple[str, ...]:
        return self._each("implementation")

    @property
    def diagnosis(self) -> Mapping[str, Any]:
        """That of the first finding; empty where it has none."""
        return self.first.get("diagnosis") or {}

    @property
    def links(self) -> tuple[str, ...]:
        """Addresses of bugs of this kind."""
        ranked = self.diagnosis.get("ranked") or []
        return next((tuple(entry["links"]) for entry in ranked if entry["fault"] == self.fault), ())

    @property
    def where(self) -> tuple[str, ...]:
        """Sentences about where outputs are wrong."""
        return self._of_outputs("where")

    @property
    def mask(self) -> tuple[str, ...]:
        """Lines that draw the mask that is due beside the one that is kept."""
        return self._of_outputs("mask")

    @property
    def factor(self) -> tuple[str, ...]:
        """Sentences about one number that explains the outputs."""
        return self._of_outputs("factor")

    @property
    def worst_found(self) -> Mapping[str, Any]:
        """message and case of the first finding before it was made small, where that was worse; else empty."""
        return self.first.get("worst_found") or {}

    def as_dict(self) -> dict[str, Any]:
        """As it stands in report.json: what it is, and the keys of its results."""
        found = [{key: row[key] for key in ("law", "implementation", "dtype")} for row in self.rows]
        about = {"name": self.name, "fault": self.fault, "sentence": self.sentence, "level": self.level, "known": self.known}
        return {**about, "also": list(self.also), "findings": found}

    def _each(self, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row[key] for row in self.rows))

    def _of_outputs(self, key: str) -> tuple[str, ...]:
        """What is wrong elsewhere, where a mistake explains this law alone, is of another cause."""
        return tuple(self.diagnosis.get(key) or ()) if self.diagnosis.get("how") in ("outputs", "none") else ()


def causes(report: Mapping[str, Any]) -> list[Cause]:
    """The causes of a report: must before should, new before known, named before unnamed, then those that explain most laws."""
    rows = [row for row in report["results"] if _is_finding(row)]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    keys = _keys(rows)
    for row, key in zip(rows, keys, strict=True):
        groups.setdefault(key, []).append(row)
    made = [_cause(key, group, report) for key, group in groups.items()]
    return sorted(made, key=_rank)


def sole_cause(row: Row, report: Mapping[str, Any]) -> Cause:
    """The cause of one finding alone."""
    return _cause(_key(row, _named([row]).get(0)), [row], report)


def _is_finding(row: Row) -> bool:
    return row["verdict"] in ("fail", "error") and not row["message"].startswith(NOT_RUN)


def _rank(cause: Cause) -> tuple[Any, ...]:
    told = cause.fault is not None and cause.diagnosis["how"] != "verdicts"  # A likeness of verdicts alone is no evidence.
    lonely = cause.first["chapter"] == "accuracy"  # An estimate says the least about where a mistake is.
    return LEVELS.index(cause.level), bool(cause.known), not told, lonely, -len(cause.laws)


def _keys(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
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
        alike = [m for m in unnamed if rows[m]["implementation"] == rows[n]["implementation"] and seen[m].part == seen[n].part]
        under = [(len(having), m) for m in alike if common is not None and (having := seen[m].common or frozenset()) <= common]
        return keys[min(under)[1]] if under else None

    keys = [(fewest(n) or key) if n in unnamed else key for n, key in enumerate(keys)]
    keys = [_widest(rows, row, keys, key) if key[0] == "symptom" else key for row, key in zip(rows, keys, strict=True)]
    laws: dict[tuple[Any, ...], set[str]] = {}
    sure: dict[str, list[tuple[Any, ...]]] = {}
    for n, (row, key) in enumerate(zip(rows, keys, strict=True)):
        laws.setdefault((key, row["implementation"]), set()).add(row["law"])
        by_outputs = key[0] == "fault" and row["diagnosis"]["how"] == "outputs"
        if row["chapter"] != "gradients" and (by_outputs or n in unnamed):
            sure.setdefault(row["implementation"], []).append(key)
    for n in named:
        implementation = rows[n]["implementation"]
        other = fewest(n) or ("symptom", seen[n].key, implementation)
        proved = keys[n] in sure.get(implementation, [])
        if not proved and len(laws[keys[n], implementation]) < len(laws.get((other, implementation), ())):
            keys[n] = other
    for n in unnamed:
        implementation = rows[n]["implementation"]
        if seen[n].part == "gradients" and implementation in sure:
            keys[n] = max(sure[implementation], key=lambda key: len(laws[key, implementation]))
    return keys


def _widest(rows: Sequence[Row], row: Row, keys: Sequence[tuple[Any, ...]], key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key of the finding in the same dtype whose arithmetic allows most: a kernel has one, and each law asks for a part."""
    rounding = (row.get("diagnosis") or {}).get("arithmetic")
    if rounding is None:
        return key
    of = (row["implementation"], row["dtype"])
    alike = [n for n, other in enumerate(rows) if keys[n][0] == "symptom" and of == (other["implementation"], other["dtype"])]
    return keys[max(alike, key=lambda n: _rank_of(rows[n]))]


def _rank_of(row: Row) -> int:
    return int(((row.get("diagnosis") or {}).get("arithmetic") or {}).get("rank", -1))


def _key(row: Row, fault: str | None) -> tuple[Any, ...]:
    """What findings have in common that have one cause. fault: the mistake that a finding belongs to, if it has a name."""
    if fault is not None:
        return ("fault", row["operation"], fault)
    if row.get("known"):
        return ("known", row["known"])
    seen = symptom(row)
    return ("symptom", seen.key, "" if seen.anywhere else row["implementation"])


def _cause(key: Sequence[Any], rows: Sequence[Row], report: Mapping[str, Any]) -> Cause:
    declared = {made["name"]: made["dtypes"] for made in report["implementations"]}
    order = list(dict.fromkeys([*(dtype for names in declared.values() for dtype in names), *(row["dtype"] for row in rows)]))
    fault = key[2] if key[0] == "fault" else None

    def showing(row: Row) -> tuple[Any, ...]:
        strange = bool(_ranked(row)) if fault is None else fault not in _ranked(row)
        strange = strange or (row["chapter"] == "gradients" and any(each["chapter"] != "gradients" for each in rows))
        return (strange, -_rank_of(row) if fault is None else 0, *_showing(row, report), order.index(row["dtype"]))

    ordered = tuple(sorted(rows, key=showing))
    first, there = ordered[0], {row["dtype"] for row in ordered}
    dtypes = tuple(dtype for dtype in order if dtype in there)
    if fault is None:
        return Cause(symptom(first).words, None, "", (), ordered, dtypes)
    entry = next(entry for entry in first["diagnosis"]["ranked"] if entry["fault"] == fault)
    level = set.intersection(*(set(_ranked(row)) for row in ordered if fault in _ranked(row))) - {fault}
    also = tuple(other["fault"] for other in first["diagnosis"]["ranked"] if other["fault"] in level)
    return Cause(fault, fault, entry["title"], also, ordered, dtypes)


def _showing(row: Row, report: Mapping[str, Any]) -> tuple[Any, ...]:
    """How well a finding shows its cause, the best least."""
    how = (row.get("diagnosis") or {}).get("how")
    strength = STRENGTH.index(how) if how in STRENGTH else len(STRENGTH)
    law = report["laws"].get(row["law"], {})
    return (
        bool(row.get("known")),
        LEVELS.index(row["level"]),
        strength,
        row["chapter"] == "accuracy",
        case_size(row.get("case")),
        len(law.get("equation", "")),
    )


def _named(rows: Sequence[Row]) -> dict[int, str]:
    """Number of a row → the mistake that it belongs to, for all whose diagnosis names one.

    In each implementation the mistake with the strongest evidence on most rows takes all rows that name it; then the next one.
    """
    ranks = {n: _ranked(row) for n, row in enumerate(rows) if not row.get("known") and _ranked(row)}
    found: dict[int, str] = {}
    for implementation in dict.fromkeys(rows[n]["implementation"] for n in ranks):
        left = {n: ranked for n, ranked in ranks.items() if rows[n]["implementation"] == implementation}
        while left:
            fault = max(dict.fromkeys(_faults(left.values())), key=lambda name: _weight(name, left, rows))
            taken = [n for n, ranked in left.items() if fault in ranked]
            found |= dict.fromkeys(taken, fault)
            left = {n: ranked for n, ranked in left.items() if n not in taken}
    return found | dict(_neighbours(rows, found))


def _neighbours(rows: Sequence[Row], named: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """Rows that no mistake explains whole, and the one that comes nearest, where that gives all outputs of another law.

    An implementation that has a mistake has it everywhere; a problem on which rounding is large may hide that it is the same.
    """
    outputs = {n: fault for n, fault in named.items() if rows[n]["diagnosis"]["how"] in ("outputs", "law")}
    sure = {(rows[n]["implementation"], fault) for n, fault in outputs.items()}
    for n, row in enumerate(rows):
        nearest = (row.get("diagnosis") or {}).get("nearest")
        if n not in named and not row.get("known") and nearest and (row["implementation"], nearest["fault"]) in sure:
            yield n, nearest["fault"]


def _ranked(row: Row) -> list[str]:
    return [entry["fault"] for entry in (row.get("diagnosis") or {}).get("ranked") or []]


def _faults(ranked: Iterable[list[str]]) -> Iterator[str]:
    for names in ranked:
        yield from names


def _weight(fault: str, left: Mapping[int, list[str]], rows: Sequence[Row]) -> tuple[int, ...]:
    """How many rows name a mistake, by strength of evidence; then how many of them put it first."""
    naming = [n for n, ranked in left.items() if fault in ranked]
    strengths = [rows[n]["diagnosis"]["how"] for n in naming]
    return (*(strengths.count(how) for how in STRENGTH), sum(left[n][0] == fault for n in naming))
