"""The kill matrix: which law rejects which known mistake, in which dtype, and after how many problems.

`faults.json` holds all of it; its types are in schema/faults.py. `summarised` is what of it is worth keeping beside the
sources: for each fault the quickest rejection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .environment import environment, spec_hash
from .schema import MATRIX_FORMAT, KillMatrix, Summary, checked
from .schema.faults import Judged, Kill, Rejected, Tried
from .wording import counted

__all__ = ["build_matrix", "in_dtype", "outcome", "quickest", "rejecting", "summarised", "survivors", "unproven"]


def build_matrix(
    rows: Sequence[Mapping[str, Any]],
    *,
    faults: Mapping[str, Mapping[str, Any]],
    budget: Mapping[str, Any],
    seed: int,
    dtypes: Sequence[str],
    seconds: float,
) -> KillMatrix:
    """The matrix of some laws, faults and dtypes.

    rows: law and dtype with the definition's verdict and each fault's part. faults: name → title, needs, equivalent, dtypes,
    because. budget: name and examples. seconds: how long all of it took.
    """
    made: dict[str, Any] = {
        "format": MATRIX_FORMAT,
        "attnspec": spec_hash(),
        "environment": environment(),
        "budget": dict(budget),
        "seed": seed,
        "dtypes": list(dtypes),
        "seconds": seconds,
        "laws": [{key: row[key] for key in ("law", "dtype", "definition", "problems", "seconds")} for row in rows],
        "faults": {},
    }
    for name, about in faults.items():
        shown = [dtype for dtype in dtypes if not about["dtypes"] or dtype in about["dtypes"]]
        made["faults"][name] = {**about, "in": {dtype: in_dtype(name, dtype, rows) for dtype in shown}}
    return checked(made, KillMatrix, "the matrix")


def in_dtype(name: str, dtype: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How one fault fared in one dtype: laws and problems on which it was tried, and its kills, the quickest first."""
    own = [(row["law"], row["faults"][name]) for row in rows if row["dtype"] == dtype and name in row["faults"]]
    kills = [{"law": law, **part["kill"]} for law, part in own if part["kill"] is not None]
    return {
        "laws": sum(part["tried"] > 0 for _, part in own),
        "problems": sum(part["tried"] for _, part in own),
        "kills": sorted(kills, key=lambda kill: (kill["problem"], kill["seconds"])),
    }


def survivors(matrix: KillMatrix) -> list[tuple[str, str]]:
    """(fault, dtype) that no law rejects although the fault is a mistake there."""
    return [
        (name, dtype)
        for name, fault in matrix.faults.items()
        for dtype, part in fault.tried.items()
        if not fault.equivalent and not part.kills
    ]


def unproven(matrix: KillMatrix) -> list[tuple[str, str, str]]:
    """(fault, dtype, law) where a law rejects what is said to be equivalent to the definition."""
    return [
        (name, dtype, kill.law)
        for name, fault in matrix.faults.items()
        for dtype, part in fault.tried.items()
        for kill in part.kills[:1]
        if fault.equivalent
    ]


def rejecting(matrix: KillMatrix) -> list[Judged]:
    """Laws, by dtype, that reject the definition: those are wrong, and no kill of theirs counts."""
    return [row for row in matrix.laws if row.definition.verdict in ("fail", "error")]


def quickest(part: Tried) -> Kill | None:
    """The kill that took the fewest problems, and of these the fewest seconds."""
    return part.kills[0] if part.kills else None


def rate(matrix: KillMatrix, dtype: str) -> tuple[int, int]:
    """(killed, mistakes) in one dtype."""
    parts = [f.tried[dtype] for f in matrix.faults.values() if dtype in f.tried and not f.equivalent]
    return sum(bool(part.kills) for part in parts), len(parts)


def outcome(matrix: KillMatrix) -> tuple[int, str]:
    """Exit code and sentence. 0: every mistake is rejected. 1: one survives, or a law or proof is wrong. 2: nothing tried."""
    if not any(part.problems for fault in matrix.faults.values() for part in fault.tried.values()):
        return 2, "nothing was tried: no chosen fault can show in what the chosen laws ask"
    if rejecting(matrix):
        count = len({row.law for row in rejecting(matrix)})
        return 1, f"{counted(count, 'law')} rejected the definition itself"
    if unproven(matrix):
        return 1, "a law rejects a fault that is said to be equivalent to the definition"
    if survivors(matrix):
        count = len({name for name, _ in survivors(matrix)})
        return 1, f"{counted(count, 'fault')} survived"
    return 0, "every known mistake is rejected"


def summarised(matrix: KillMatrix) -> Summary:
    """The same without what grows as faults × laws: of each fault in each dtype how many laws reject it, and the quickest."""
    return Summary(
        format=matrix.format,
        attnspec=matrix.attnspec,
        environment=matrix.environment,
        budget=matrix.budget,
        seed=matrix.seed,
        dtypes=matrix.dtypes,
        seconds=round(matrix.seconds),
        laws=len({row.law for row in matrix.laws}),
        faults={
            name: {dtype: _short(part) for dtype, part in fault.tried.items()}
            for name, fault in matrix.faults.items()
            if not fault.equivalent
        },
    )


def _short(part: Tried) -> Rejected:
    first = quickest(part)
    if first is None:
        return Rejected(len(part.kills))
    return Rejected(len(part.kills), first.law, first.problem, round(first.seconds, 3))
