"""Whether a run names the mistake that was made: known faults, each in a user's file under a neutral name.

    python benchmarks/diagnosis.py [FAULT…] [--count 10] [--seed 0] [--all] [--first] [--budget quick]

Each fault is written as a module of its own that says nothing of it and given to `attnspec run`. The diagnosis of the first
finding that the run shows is looked at. `right`: the fault stands first. `tied`: it stands first, and others explain as many
problems. `level`: so, and it does not stand first. `wrong`: another stands first, or none. `silent`: the run has no failure.
--first leaves each fault at its first finding, which is faster and not always the finding that a whole run shows first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attnspec.reference.faults.catalogue import FAULTS
from attnspec.reports.causes import causes
from attnspec.reports.diagnosis import leading
from attnspec.reports.record import Record

MODULE = """
import attnspec
from attnspec.reference.faults.catalogue import as_callable

made = as_callable({name!r})
attend = attnspec.implementation(
    {operation!r},
    name="kernel",
    dtypes=["float32"],
    claims=["deterministic"],
    conventions={{"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}},
    backward=getattr(made, "backward", None) or False,
)(made)
"""


@dataclass(frozen=True)
class Row:
    """fault: what was made. law: of the first finding. named: what its diagnosis names, the best first. how, of: how surely.

    seconds: of the diagnosis. failed: laws that do not hold; agreed: those whose diagnosis has the fault first.
    """

    fault: str
    verdict: str
    law: str = ""
    named: tuple[str, ...] = ()
    how: str = ""
    of: str = ""
    seconds: float = 0.0
    failed: int = 0
    agreed: int = 0

    def text(self) -> str:
        named = ", ".join(self.named) or "–"
        laws = f"{self.agreed}/{self.failed}"
        cells = f"{self.fault:<28} {self.verdict:<7} {self.seconds:5.1f} s  {self.of:>6} {laws:>6}"
        return f"{cells}  {self.law}: {named} ({self.how})"


def diagnosed(name: str, budget: str, first: bool) -> Row:
    """One fault through the command line."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "my_kernel.py"
        file.write_text(MODULE.format(name=name, operation=FAULTS[name].operation), encoding="utf-8")
        words = ["run", file.name, "--budget", budget, "--out", "report", "-j", "0", *(["--first"] if first else [])]
        ran = subprocess.run([sys.executable, "-m", "attnspec", *words], cwd=place, text=True, capture_output=True, check=False)
        if ran.returncode not in (0, 1):
            raise SystemExit(f"attnspec run ended with {ran.returncode} on {name}:\n{ran.stdout}{ran.stderr}")
        report = json.loads((Path(place) / "report" / "report.json").read_text(encoding="utf-8"))
    defects = [line for row in report["results"] for line in row["details"] if line.startswith("no diagnosis")]
    if defects or not (first or report["complete"]):
        raise SystemExit(f"the run on {name} is not whole: {defects}\n{ran.stdout[-2000:]}{ran.stderr}")
    return judged(name, report)


def judged(name: str, report: dict[str, Any]) -> Row:
    """What the report of a run on one fault says of it."""
    found_causes = causes(Record.of(report).report)
    told = [row for cause in found_causes for row in cause.rows if row.diagnosis]
    if not found_causes:
        return Row(name, "silent")
    shown = found_causes[0].first
    found = shown.diagnosis
    ranked = found.ranked or []
    named = tuple(each.fault for each in ranked)
    best = ranked[0] if ranked else None
    level = [
        each.fault for each in ranked if best and (each.matched, each.of, each.shown) == (best.matched, best.of, best.shown)
    ]
    verdict = "wrong" if name not in level else "level" if named[0] != name else "right" if len(level) == 1 else "tied"
    agreed = sum(leading(row.diagnosis) == name for row in told)
    of = f"{best.matched}/{best.of}" if best else ""
    how, seconds = (found.how, found.seconds) if found else (shown.verdict, 0.0)
    return Row(name, verdict, shown.law, named, how, of, seconds, len(told), agreed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 where fewer than nine in ten stand first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--budget", default="quick")
    given = parser.parse_args(arguments)
    names = given.faults or list(FAULTS)
    if not given.faults and not given.all:
        names = [str(name) for name in np.random.default_rng(given.seed).choice(names, given.count, replace=False)]
    print(f"{'fault':<28} {'':<7} {'time':>7}  {'match':>6} {'laws':>6}  first finding: its diagnosis", flush=True)
    rows, began = [], time.perf_counter()
    for name in names:
        rows.append(diagnosed(name, given.budget, given.first))
        print(rows[-1].text(), flush=True)
    found = Counter(row.verdict for row in rows)
    print(f"{', '.join(f'{count} {verdict}' for verdict, count in found.items())} of {len(rows)}", end="; ")
    print(f"a diagnosis took {np.median([row.seconds for row in rows]):.1f} s, {time.perf_counter() - began:.0f} s in all")
    return 0 if 10 * (found["right"] + found["tied"]) >= 9 * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
