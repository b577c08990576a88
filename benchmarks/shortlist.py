"""Chooses the laws that a quick run tries where it names none: few, that between them reject every known mistake.

    python benchmarks/shortlist.py                      chooses again what is on the list for smaller signatures
    attnspec faults --budget quick --laws '*' --seed 0 --out build/shortlist-0     for two seeds or more, and then
    python benchmarks/shortlist.py build/shortlist-*/faults.json                   chooses the list for any implementation too

For any implementation: the law of each chapter that rejects most of the mistakes that it names comes first, because a reader
understands it best. Then, greedily, the law that rejects most of what none chosen before rejects, and of equal ones the
quicker. A mistake counts as rejected when it is in each dtype, for every seed that was tried. What no law rejects for one of
the seeds is left to longer budgets.

An implementation of fewer options cannot be asked half of these laws, and draws other problems. So for each of SIGNATURES every
law is tried on the mistakes that can show there, and laws are added until each mistake is rejected by one that rejects it for
every seed, where there is one: then others will be, too. Writes spec/shortlist.yaml.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from attnspec.conformance.engine.budget import BUDGETS
from attnspec.conformance.kills.matrix import Matrix
from attnspec.conformance.kills.suspects import BACKWARDS, FAULTS
from attnspec.conformance.language import load_laws

ROOT = Path(__file__).resolve().parents[1]
SHORTLIST = ROOT / "spec" / "shortlist.yaml"
HEAD = """\
# Chosen by benchmarks/shortlist.py from what attnspec faults measured; between them they reject the known mistakes.
about: >-
  Laws that a quick run tries where it names neither laws nor a profile: those under laws and, under more, those of every entry
  all of whose options an implementation takes.
laws:
"""

SIGNATURES: tuple[tuple[str, ...], ...] = (
    (),
    ("scale",),
    ("causal", "scale"),
    ("mask",),
    ("causal", "window"),
    ("causal", "scale", "mask", "bias", "window", "softcap", "return_lse"),
)
"""What plain kernels of attention take, small signatures first. They have no backward pass, so no mistake of one can show."""

SEEDS, DTYPE = (0, 1, 2), "float32"

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
    laws = leading(found, named)
    return [*laws, *covering(found, seconds, laws)]


def leading(found: dict[str, Wanted], named: Mapping[str, Sequence[str]]) -> list[str]:
    """Of each chapter the law that rejects most of the mistakes that it names, and of equal ones the one that rejects more."""
    best: dict[str, tuple[int, int, str]] = {}
    for law, rejects in found.items():
        chapter = law.partition("/")[0]
        own = len({fault for _, _, fault in rejects} & set(named[law]))
        best[chapter] = max(best.get(chapter, (-1, -1, "")), (own, len(rejects), law))
    return [law for _, _, law in best.values()]


def covering(found: Mapping[str, set[Any]], seconds: Mapping[str, float], had: Iterable[str]) -> list[str]:
    """Laws that reject, together with those that are had, whatever any law rejects; greedily, the quicker of equal ones."""
    wanted: set[Any] = set().union(*found.values()) - set().union(*(found.get(law, set()) for law in had))
    laws: list[str] = []
    while wanted:
        best = max(found, key=lambda law: (len(found[law] & wanted), -seconds[law], law))
        laws.append(best)
        wanted -= found[best]
    return laws


def steady(found: Mapping[str, Wanted], seeds: int) -> dict[str, set[tuple[str, str]]]:
    """Law → (dtype, fault) that it rejects for every seed."""
    kept: dict[str, set[tuple[str, str]]] = {}
    for law, rejects in found.items():
        pairs = {(dtype, fault) for _, dtype, fault in rejects}
        kept[law] = {pair for pair in pairs if all((seed, *pair) in rejects for seed in range(seeds))}
    return kept


def further(options: tuple[str, ...], had: Iterable[str]) -> list[str]:
    """What an implementation of some options needs beside the laws that it has.

    The laws that it has are tried on every mistake that can show there, all others on what those do not reject for each seed.
    """
    faults = [fault for name, fault in FAULTS.items() if fault.operation == "attention" and name not in BACKWARDS]
    can = [fault for fault in faults if set(fault.needs) <= set(options) and fault.shows_in(DTYPE) and not fault.equivalent]
    names = {fault.name for fault in can}
    musts = [law.id for law in load_laws() if law.operation == "attention" and law.level == "must"]
    own = measured(options, [law for law in musts if law in had], names)
    names -= {fault for pairs in steady(rejected(own)[0], len(SEEDS)).values() for _, fault in pairs}
    others = measured(options, [law for law in musts if law not in had], names)
    found, seconds = rejected(others)
    laws = covering(steady(found, len(SEEDS)), seconds, ())
    already = {mistake for rejects in rejected(own)[0].values() for mistake in rejects}
    found = {law: rejects - already for law, rejects in found.items()}
    return [*laws, *covering(found, seconds, laws)]


def measured(options: tuple[str, ...], laws: Sequence[str], names: Iterable[str]) -> list[dict[str, Any]]:
    """Some laws on some faults, as an implementation of some options would have them: one matrix a seed."""
    return [_matrix(options, tuple(laws), tuple(sorted(names)), seed) for seed in SEEDS]


def _matrix(options: tuple[str, ...], laws: tuple[str, ...], names: tuple[str, ...], seed: int) -> dict[str, Any]:
    rows = Matrix(laws, names, (DTYPE,), BUDGETS["quick"], seed, options=frozenset(options)).rows()
    wrong = [row["law"] for row in rows if row["definition"]["verdict"] in ("fail", "error")]
    if wrong:
        raise SystemExit(f"laws that reject the definition: {', '.join(wrong)}")
    return {
        "laws": [{"law": row["law"], "seconds": row["seconds"]} for row in rows],
        "faults": {name: {"in": {DTYPE: {"kills": _kills(rows, name)}}} for name in names},
    }


def _kills(rows: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, str]]:
    return [{"law": row["law"]} for row in rows if row["faults"].get(name, {}).get("kill") is not None]


def more(base: Iterable[str]) -> list[tuple[tuple[str, ...], list[str]]]:
    """For each of SIGNATURES the laws that it has beside those for any implementation and those of smaller signatures."""
    lists: list[tuple[tuple[str, ...], list[str]]] = []
    for options in SIGNATURES:
        had = {*base, *(law for smaller, laws in lists if set(smaller) <= set(options) for law in laws)}
        added = further(options, had)
        print(f"{', '.join(options) or 'no option'}: {len(added)} more", flush=True)
        lists.append((options, added))
    return lists


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("matrix", nargs="*", type=Path, help="faults.json of attnspec faults --out")
    given = parser.parse_args()
    every = load_laws()
    if given.matrix:
        matrices = [json.loads(file.read_text(encoding="utf-8")) for file in given.matrix]
        base = chosen(*rejected(matrices), {law.id: law.kills for law in every})
    else:
        base = yaml.safe_load(SHORTLIST.read_text(encoding="utf-8"))["laws"]
    text = HEAD + _listed(base, "  - ")
    text += "more:\n"
    for options, laws in more(base):
        text += f"  - options: [{', '.join(options)}]\n    laws:\n{_listed(laws, '      - ')}" if laws else ""
    SHORTLIST.write_text(text, encoding="utf-8")
    print(f"{len(base)} of {len(every)} laws for any implementation")


def _listed(laws: Iterable[str], mark: str) -> str:
    wanted = set(laws)
    return "".join(f"{mark}{law.id}\n" for law in load_laws() if law.id in wanted)


if __name__ == "__main__":
    main()
