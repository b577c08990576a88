"""Chooses the laws that a quick run tries where it names none: few, that between them reject every known mistake.

    attnspec faults --budget quick --laws '*' --seed 0 --out build/shortlist-0     for two seeds or more
    python benchmarks/shortlist.py build/shortlist-*/faults.json

The law of each chapter that rejects most of the mistakes that it names comes first, because a reader understands it best. Then,
greedily, the law that rejects most of what none chosen before rejects, and of equal ones the quicker. A mistake counts as
rejected when it is in each dtype, for every seed that was tried. What no law rejects for one of the seeds is left to longer
budgets. Writes spec/shortlist.yaml.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attnspec.conformance.language import load_laws

SHORTLIST = Path(__file__).resolve().parents[1] / "spec" / "shortlist.yaml"
HEAD = """\
# Chosen by benchmarks/shortlist.py from what attnspec faults measured; between them they reject the known mistakes.
about: Laws that a quick run tries where it names neither laws nor a profile.
laws:
"""

Wanted = set[tuple[int, str, str]]
"""Mistakes to reject: number of the matrix, dtype, fault."""


def rejected(matrices: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Wanted], dict[str, float]]:
    """Law → what it rejects, and law → seconds that it took."""
    found: dict[str, Wanted] = defaultdict(set)
    seconds: dict[str, float] = defaultdict(float)
    for number, matrix in enumerate(matrices):
        for row in matrix["laws"]:
            seconds[row["law"]] += row["seconds"]
        for name, fault in matrix["faults"].items():
            for dtype, part in fault["in"].items():
                for kill in part["kills"]:
                    found[kill["law"]].add((number, dtype, name))
    return found, seconds


def chosen(found: dict[str, Wanted], seconds: dict[str, float], named: Mapping[str, Sequence[str]]) -> list[str]:
    """The laws of the shortlist, in the order in which they were chosen. named: law → mistakes that it says it rejects."""
    wanted: Wanted = set().union(*found.values())
    laws = leading(found, named)
    for law in laws:
        wanted -= found[law]
    while wanted:
        best = max(found, key=lambda law: (len(found[law] & wanted), -seconds[law]))
        laws.append(best)
        wanted -= found[best]
    return laws


def leading(found: dict[str, Wanted], named: Mapping[str, Sequence[str]]) -> list[str]:
    """Of each chapter the law that rejects most of the mistakes that it names, and of equal ones the one that rejects more."""
    best: dict[str, tuple[int, int, str]] = {}
    for law, rejects in found.items():
        chapter = law.partition("/")[0]
        own = len({fault for _, _, fault in rejects} & set(named[law]))
        best[chapter] = max(best.get(chapter, (-1, -1, "")), (own, len(rejects), law))
    return [law for _, _, law in best.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("matrix", nargs="+", type=Path, help="faults.json of attnspec faults --out")
    given = parser.parse_args()
    matrices = [json.loads(file.read_text(encoding="utf-8")) for file in given.matrix]
    found, seconds = rejected(matrices)
    laws = set(chosen(found, seconds, {law.id: law.kills for law in load_laws()}))
    listed = [law.id for law in load_laws() if law.id in laws]
    SHORTLIST.write_text(HEAD + "".join(f"  - {law}\n" for law in listed), encoding="utf-8")
    print(f"{len(listed)} of {len(load_laws())} laws")


if __name__ == "__main__":
    main()
