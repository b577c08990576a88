"""Which planted mistakes each rule notices: the bounds, the estimates and the probes beside two rules of common use.

    python benchmarks/detection.py [--runs 64:6,256:6,512:6,2048:1] [--results FILE] [--markdown FILE]

Each run is one mistake, one dtype, one length and one seed, on normal data of two query heads and one key head with 64
features, causal where the mistake needs it. --runs says how many seeds each length has. --results keeps every run, one JSON
object a line, and a run that stands there is not made again. Columns:

    twice baseline   max |o − ref| ≤ 2·max |pt − ref| + 2·max |fl(fl(ref + 0.3) − 0.3) − ref|, pt with scores and weights stored
                     in the dtype (flash-attention, hopper/test_flash_attn.py); it compares no logsumexp
    assert_close     torch.testing.assert_close with its defaults, on the output
    bound            the output and the logsumexp within level D, and R where V has random signs
    estimates        the laws of the chapter accuracy
    probes           the laws of the chapter probes

The last rows are correct kernels: what a rule rejects there is a false alarm.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine.evaluate import decide_law
from attnspec.conformance.engine.subject import NotClaimed, Subject
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.law import Law
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import Undecided
from attnspec.reference.attention.kernels import KERNELS, declared_of, run
from attnspec.reference.attention.kernels import as_callable as kernel
from attnspec.reference.attention.textbook import attention
from attnspec.reference.faults.catalogue import as_callable as fault
from attnspec.reference.rounding import round_to

MISTAKES: dict[str, dict[str, Any]] = {
    "last-key-dropped": {},
    "causal-off-by-one": {"causal": True},
    "scale-one-percent": {},
    "lse-base-two": {},
    "window-left-short": {"window": (15, 0)},
    "accumulator-not-rescaled": {},
    "accumulator-in-bfloat16": {},
    "value-row-duplicated": {},
    "scale-per-mille": {},
    "weights-truncated": {},
}
CORRECT = ("naive", "flash 16", "flash base two", "split 4")
DEFAULTS = {"float32": (1.3e-6, 1e-5), "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5)}
"""(rtol, atol) of torch.testing.assert_close."""
RULES = ("twice baseline", "assert_close", "bound", "estimates", "probes")
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros"}
LAWS = load_laws()


def made(name: str) -> Implementation:
    """A mistake or a correct kernel as an implementation."""
    dtypes = ("float32", "float16", "bfloat16")
    if name not in KERNELS:
        return implementation_of(fault(name), name=name, dtypes=dtypes, conventions=CONVENTIONS)
    declared = {dtype: declared_of(KERNELS[name], dtype) for dtype in dtypes}
    return implementation_of(kernel(KERNELS[name]), name=name, dtypes=dtypes, conventions=CONVENTIONS, arithmetic=declared)


def noticed(name: str, dtype: str, length: int, seed: int, options: dict[str, Any]) -> dict[str, bool]:
    """For each rule, whether it rejects the implementation in this run."""
    structure = Structure.of(
        dtype=dtype,
        hq=2,
        hkv=1,
        sq=length,
        sk=length,
        d=64,
        options=options,
        values="normal",
        seed=seed,
        geometry=seed,
        operation="attention",
    )
    p = build(structure, CONVENTIONS)
    subject = Subject(made(name), dtype, CONVENTIONS)
    out = subject.out_only(p).astype(np.float64)
    exact = attention(p.q, p.k, p.v, **p.options, **CONVENTIONS).out
    return {
        "twice baseline": not _twice_baseline(p, out, exact),
        "assert_close": not _assert_close(out, round_to(exact, dtype), dtype),
        "bound": _broken(subject, p, ("masks/options-together", "flash/lse-as-defined")),
        "estimates": _broken(
            subject, p, [law.id for law in LAWS if law.chapter == "accuracy" and law.id != "accuracy/no-bias"]
        ),
        "probes": _broken(subject, p, [law.id for law in LAWS if law.chapter == "probes"]),
    }


def _twice_baseline(p: Problem, out: Any, exact: Any) -> bool:
    seen = attention(p.q, p.k, p.v, **p.options, **CONVENTIONS).visible
    stored, _ = run(KERNELS["scores stored low"], p.q, p.k, p.v, p.dtype, seen, {})
    shifted = round_to(round_to(round_to(exact, p.dtype) + 0.3, p.dtype) - 0.3, p.dtype)
    allowed = 2 * np.abs(stored - exact).max() + 2 * np.abs(shifted - exact).max()
    return bool(np.abs(out - exact).max() <= allowed)


def _assert_close(out: Any, due: Any, dtype: str) -> bool:
    relative, absolute = DEFAULTS[dtype]
    return bool((np.abs(out - due) <= absolute + relative * np.abs(due)).all())


def _broken(subject: Subject, p: Problem, ids: Iterable[str]) -> bool:
    """Whether one of the laws fails on this problem; a law about other problems is not asked."""
    for law in LAWS:
        if law.id not in ids or not _is_about(law, p):
            continue
        subject.forget()
        try:
            if not decide_law(law, p, subject).holds:
                return True
        except (Undecided, NotClaimed):
            continue
    return False


def _is_about(law: Law, p: Problem) -> bool:
    """Whether the options of the problem are those that the law gives."""
    options = {name: wish for name, wish in law.given.items() if name in ("causal", "window", "mask", "bias", "kv_lengths")}
    return all((wish == "absent") == (name not in p.options) for name, wish in options.items())


def planned(runs: dict[int, int]) -> Iterator[tuple[str, str, int, int]]:
    """(implementation, dtype, length, seed) of every run."""
    for name in (*MISTAKES, *CORRECT):
        for dtype in ("float32", "float16", "bfloat16"):
            for length, seeds in runs.items():
                yield from ((name, dtype, length, seed) for seed in range(seeds))


def study(runs: dict[int, int], results: Path | None) -> dict[tuple[str, str], Counter[str]]:
    """How many runs each rule rejects, by (implementation, dtype)."""
    lines = results.read_text(encoding="utf-8").splitlines() if results and results.exists() else []
    done = {tuple(one): hits for one, hits in map(json.loads, lines)}
    found: dict[tuple[str, str], Counter[str]] = {}
    for one in planned(runs):
        name, dtype, length, seed = one
        hits = done.get(one)
        if hits is None:
            hits = noticed(name, dtype, length, seed, MISTAKES.get(name, {}))
            if results:
                with open(results, "a", encoding="utf-8") as file:
                    file.write(json.dumps([one, hits]) + "\n")
        count = found.setdefault((name, dtype), Counter())
        count.update({**{rule: int(hit) for rule, hit in hits.items()}, "runs": 1})
    return found


def table(found: dict[tuple[str, str], Counter[str]]) -> str:
    """One row an implementation; in a cell the rejected runs in float32, float16 and bfloat16."""
    lines = ["| implementation | runs a dtype | " + " | ".join(RULES) + " |", "|---|---|" + "---|" * len(RULES)]
    for name in (*MISTAKES, *CORRECT):
        counts = [found[name, dtype] for dtype in ("float32", "float16", "bfloat16")]
        cells = [" / ".join(str(count[rule]) for count in counts) for rule in RULES]
        lines.append(f"| {name} | {counts[0]['runs']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="64:6,256:6,512:6,2048:1", help="length:seeds, separated by commas")
    parser.add_argument("--results", type=Path, help="file that keeps every run")
    parser.add_argument("--markdown", type=Path, help="also write the table here")
    asked = parser.parse_args()
    runs = {int(length): int(seeds) for length, seeds in (part.split(":") for part in asked.runs.split(","))}
    text = table(study(runs, asked.results))
    print(text)
    if asked.markdown:
        asked.markdown.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
