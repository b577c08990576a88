"""The fault kill matrix of the suite: what a report's laws are worth against known mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...spec.operations import faults as known_faults
from ..schema import Summary
from ..schema.faults import Rejected as Part
from ..schema.setting import Suite
from ..wording import counted
from .links import Link, link
from .tables import Table

__all__ = ["Fault", "Faults", "Rate", "Rejected", "faults_section"]


@dataclass(frozen=True)
class Rate:
    """How many mistakes are rejected in a dtype. share: in percent. told: which are not."""

    dtype: str
    caught: int
    tried: int
    share: float
    told: str


@dataclass(frozen=True)
class Rejected:
    """By how many laws a mistake is rejected, and by which first; `laws` is empty where it survives. share: in percent."""

    laws: str
    first: str
    share: float


@dataclass(frozen=True)
class Fault:
    """A mistake. title: empty where the catalogue does not know it. cells: None where rounding hides it."""

    name: Link
    title: str
    cells: Sequence[Rejected | None]


@dataclass(frozen=True)
class Faults:
    """What the section says."""

    about: str
    rates: Sequence[Rate]
    table: Table[Fault]


def faults_section(kills: Summary | None, suite: Suite) -> Faults | None:
    """Rates by dtype, survivors, and a row for each fault; None where no matrix is given.

    suite: version and spec of the report. A matrix of other laws is shown, and says that it is one.
    """
    if kills is None:
        return None
    budget, laws = kills.budget, kills.laws
    about = (
        f"How the suite itself fares: each known mistake, made on purpose, and the laws that reject it, of {laws} laws "
        f"with {budget.examples} problems each ({budget.name})."
    )
    tried = kills.attnspec
    if tried.spec != suite.spec:
        about += f" It was tried with the spec {tried.spec}, and this report was made with {suite.spec}."
    known = known_faults()
    ordered = sorted(kills.faults.items(), key=lambda item: all(part.killed_by for part in item[1].values()))
    rows = [_fault(name, known.get(name), [_cell(parts.get(d), laws) for d in kills.dtypes]) for name, parts in ordered]
    return Faults(about, [_rate(kills, dtype) for dtype in kills.dtypes], Table(["known mistake", *kills.dtypes], rows))


def _rate(kills: Summary, dtype: str) -> Rate:
    parts = {name: fault[dtype] for name, fault in kills.faults.items() if dtype in fault}
    survivors = [name for name, part in parts.items() if not part.killed_by]
    caught = len(parts) - len(survivors)
    share = 100 * caught / len(parts) if parts else 0.0
    told = f"survivors: {', '.join(survivors)}" if survivors else "none survives"
    return Rate(dtype, caught, len(parts), share, told)


def _fault(name: str, entry: Mapping[str, Any] | None, cells: Sequence[Rejected | None]) -> Fault:
    if entry is None:
        return Fault(Link(name), "", cells)
    return Fault(link(entry["links"][0], name) if entry["links"] else Link(name), entry["title"], cells)


def _cell(part: Part | None, laws: int) -> Rejected | None:
    if part is None:
        return None
    if not part.killed_by:
        return Rejected("", "", 0.0)
    share = 100 * part.killed_by / laws
    return Rejected(counted(part.killed_by, "law"), f"first {part.law}, problem {part.problem}", share)
