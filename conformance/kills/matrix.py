"""Every law on every fault: what would be caught, where, and how soon.

The problems of a law are those that `verify` draws for an implementation with all options at the same seed and budget. They
are drawn while the definition is on trial, so that no fault has a say in them, and the definition is the control: a law that
rejects it is wrong.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..engine.budget import Budget
from ..engine.verify import try_law
from ..language import load_laws
from ..language.law import Law
from ..operations import load_installed
from .fault_trials import FaultTrials
from .suspects import CORRECT, Fault, Terms, named, suspect

__all__ = ["Matrix", "row_of"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Matrix:
    """What is tried: laws (ids) of some files (None: those of the spec) on faults (names), in dtypes.

    options: those that definition and faults take; None for all of their operation.
    """

    laws: tuple[str, ...]
    faults: tuple[str, ...]
    dtypes: tuple[str, ...]
    budget: Budget
    seed: int = 0
    files: tuple[Path, ...] | None = None
    options: frozenset[str] | None = None

    def rows(self, jobs: int = 1, told: Callable[[dict[str, Any]], None] = lambda row: None) -> list[dict[str, Any]]:
        """One row for each law and dtype, as `row_of` gives it, by dtype and in the order of the laws.

        jobs: processes; 1 stays in this one. told: called with each row as it comes.
        """
        items = [(dtype, law) for dtype, law in product(self.dtypes, self.laws)]
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self._made(items, jobs):
            found[row["dtype"], row["law"]] = row
            told(row)
        return [found[item] for item in items]

    def _made(self, items: Sequence[tuple[str, str]], jobs: int) -> Iterator[dict[str, Any]]:
        if jobs <= 1:
            yield from (_work(self, dtype, law) for dtype, law in items)
            return
        for name in THREADS:
            os.environ.setdefault(name, "1")
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            for done in as_completed([pool.submit(_work, self, dtype, law) for dtype, law in items]):
                yield done.result()


def row_of(
    law: Law,
    dtype: str,
    faults: Sequence[Fault],
    budget: Budget,
    seed: int = 0,
    options: frozenset[str] | None = None,
) -> dict[str, Any]:
    """One law in one dtype: the definition's verdict, and how each fault fared that the law can be asked of.

    faults: name → problems on which it was tried, and its `Kill` as a mapping or None. Those that need what no problem of the
    law had are tried on none.
    """
    start, terms = time.perf_counter(), Terms(options)
    trials = FaultTrials(law, dtype, [fault for fault in faults if fault.shows_in(dtype)], terms)
    patient = replace(budget, timeout=float("inf"))
    control = try_law(suspect(CORRECT, terms, law.operation), law, dtype, budget=patient, seed=seed, held=trials.try_on)
    return {
        "law": law.id,
        "dtype": dtype,
        "definition": {"verdict": control.verdict, "message": control.message, "case": control.case},
        "problems": trials.problems,
        "seconds": time.perf_counter() - start,
        "faults": {
            name: {"tried": trial.tried, "kill": None if trial.kill is None else asdict(trial.kill)}
            for name, trial in trials.by_fault.items()
        },
    }


def _work(matrix: Matrix, dtype: str, law: str) -> dict[str, Any]:
    laws = _laws(matrix.files)
    return row_of(laws[law], dtype, named(matrix.faults), matrix.budget, matrix.seed, matrix.options)


@cache
def _laws(files: tuple[Path, ...] | None) -> dict[str, Law]:
    load_installed()
    return {law.id: law for law in load_laws(files)}
