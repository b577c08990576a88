"""The certificate of a pass: which known faults the law would have rejected on the problems that it passed.

It depends on the law, the problems, the conventions and the arithmetic, not on the implementation, so it is computed from
the float64 faults, once, and shared by all that have these in common.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...spec.operations import conventions, faults, operations
from ..engine.subject import Subject
from ..language.law import Law
from ..problems.build import build
from ..problems.structure import Structure
from ..vocabulary import WORDS
from .fault_trials import FaultTrials
from .store import load, store
from .suspects import FAULTS, Fault, Terms, no_mistake

__all__ = ["certificate", "certify", "signature"]


def certificate(law: Law, problems: Sequence[Structure], subject: Subject, *, compute: bool) -> dict[str, Any] | None:
    """The certificate of a law that held for a subject on some problems; None where none is stored and none is computed.

    problems: how many. caught, missed: names of applicable faults, those that need no option which the implementation lacks
    or which no problem had. not_judged: fault → why it is no mistake here. void: the case on which the law rejects the
    definition itself, whereupon nothing can be said; empty as a rule.
    """
    key = signature(law, problems, subject)
    found = load(key)
    if found is None and compute:
        found = certify(law, problems, subject)
        store(key, found)
    return found


def certify(law: Law, problems: Sequence[Structure], subject: Subject) -> dict[str, Any]:
    """As `certificate`, computed."""
    not_judged, faults = _sorted(subject)
    trials = FaultTrials(law, subject.dtype, faults, Terms.of(subject.implementation, subject.conventions))
    for structure in problems:
        trials.try_on(structure, build(structure, subject.conventions))
    if trials.rejected_definition:
        return {"problems": len(problems), "caught": [], "missed": [], "not_judged": {}, "void": trials.rejected_definition}
    tried = {name: trial for name, trial in trials.by_fault.items() if trial.tried}
    return {
        "problems": len(problems),
        "caught": [name for name, trial in tried.items() if trial.kill is not None],
        "missed": [name for name, trial in tried.items() if trial.kill is None],
        "not_judged": not_judged,
        "void": "",
    }


def _sorted(subject: Subject) -> tuple[dict[str, str], list[Fault]]:
    """Faults that are no mistakes under the subject's conventions, with the reason, and the faults that are tried."""
    reasons = {name: no_mistake(fault, subject.conventions) for name, fault in FAULTS.items()}
    tried = [
        fault
        for name, fault in FAULTS.items()
        if reasons[name] is None and not fault.equivalent and fault.shows_in(subject.dtype)
    ]
    return {name: reason for name, reason in reasons.items() if reason is not None}, tried


def signature(law: Law, problems: Sequence[Structure], subject: Subject) -> str:
    """What a certificate depends on, as 64 hexadecimal digits."""
    made = subject.implementation
    parts = {
        "kit": _kit(),
        "law": [law.id, law.operation, law.equation, law.where, law.given],
        "words": [_source(word) for word in law.words()],
        "problems": [structure.query() for structure in problems],
        "dtype": subject.dtype,
        "conventions": dict(subject.conventions),
        "arithmetic": asdict(subject.arithmetic),
        "options": sorted(made.options),
        "claims": sorted(made.claims),
        "differentiable": made.differentiable,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@cache
def _kit() -> str:
    """A hash of the version and of all that says what a problem, a bound, a word or a fault is."""
    digest = hashlib.sha256(__version__.encode())
    for folder in ("reference", "conformance", "adapters"):
        root = Path(str(files(f"attnspec.{folder}")))
        for file in sorted(root.rglob("*.py")):
            digest.update(f"{folder}/{file.relative_to(root)}\0".encode() + file.read_bytes())
    for stated in (faults, operations, conventions):
        digest.update(json.dumps(stated()).encode())
    return digest.hexdigest()


@cache
def _source(word: str) -> str:
    """A hash of the file that defines a word; words of installed packages are not part of the kit."""
    file = inspect.getsourcefile(WORDS[word].function)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).exists() else word
