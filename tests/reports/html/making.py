"""Reports made by hand, for the tests of the page and for the script that opens it in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnspec.reports import model
from attnspec.reports.schema import Summary, checked

__all__ = ["NASTY", "PICTURES", "everything", "kills", "large", "long_names", "nasty", "nothing", "operations"]

Row = dict[str, Any]

NASTY = "</script><script>alert(1)</script><b>bold</b> & \u2028 'quoted' \"twice\""

PICTURES = {
    "case": "dtype=float32&b=1&hq=1&hkv=1&sq=2&sk=9&d=1&causal=1&values=normal&seed=0",
    "title": "head 0 of 1",
    "queries": 2,
    "keys": 9,
    "mask_due": ["100000000", "110000001"],
    "mask_read": ["110000000", "110000001"],
    "weights_due": ["fe0000000000000000", "7f7f00000000000000"],
    "weights_read": ["7f7f00000000000000", "ff7f00000000000000"],
    "largest": 0.5,
}

MISTAKE = {
    "fault": "causal-off-by-one",
    "title": "Each query sees one key of its future.",
    "links": ["https://example.org/issues/103", "javascript:alert(1)"],
    "matched": 24,
    "of": 24,
    "shown": 19,
}

DIAGNOSIS = {
    "how": "outputs",
    "problems": 24,
    "wrong": 19,
    "ranked": [MISTAKE],
    "nearest": None,
    "where": ["rows from which a key is hidden, all of them"],
    "factor": [],
    "mask": ["due, and kept", "■· ■+"],
    "pictures": PICTURES,
    "seconds": 1.5,
}


def build_report(rows: list[Row], **how: Any) -> dict[str, Any]:
    """A report as it is written."""
    return model.build_report(rows, **how).data


def law(name: str, level: str = "must", **changed: Any) -> dict[str, Any]:
    """A law as a report describes it."""
    return {
        "chapter": name.split("/")[0],
        "level": level,
        "operation": "attention",
        "statement": f"The law {name} says what every row of the output is.",
        "equation": "out(p) ≈ reference_out(p)",
        "where": None,
        "why": "A test.",
        "file": "spec/attention/laws/x.yaml",
        "line": 3,
        "shipped": True,
        "sources": ["https://example.org/source"],
        **changed,
    }


def made(name: str, dtypes: list[str]) -> dict[str, Any]:
    """An implementation as a report describes it."""
    return {
        "name": name, "address": f"{name}.py:attend", "operation": "attention", "arrays": "numpy", "layout": "bhsd",
        "dtypes": dtypes, "device": "cpu", "mode": "eager", "options": ["causal"], "claims": [], "notes": [],
        "origin": name,
    }  # fmt: skip


def row(implementation: str, law: str, dtype: str, verdict: str = "pass", **changed: Any) -> Row:
    """A result."""
    case = f"{law}?dtype={dtype}&b=2&hq=6&hkv=2&sq=31&sk=33&d=8&causal=1&values=normal&seed=7"
    bad = verdict in ("fail", "error")
    return {
        "implementation": implementation,
        "operation": "attention",
        "law": law,
        "dtype": dtype,
        "verdict": verdict,
        "level": "must",
        "chapter": law.split("/")[0],
        "examples": 30,
        "unclaimed": 0,
        "inconclusive": 0,
        "reasons": {"window is not an option": 3} if verdict == "not-claimed" else {},
        "worst_ratio": 0.25,
        "worst_case": case,
        "ratios_over_keys": [[1, 0.125], [33, 0.25]],
        "case": case if bad else None,
        "message": "off by 3" if bad else "",
        "details": ["at (0, 0)"] if bad else [],
        "seconds": {"implementation": 0.1, "reference": 0.1, "kit": 0.1},
        **changed,
    }


def certified(caught: list[str], missed: list[str]) -> dict[str, Any]:
    """The certificate of a pass."""
    return {"problems": 30, "caught": caught, "missed": missed, "not_judged": {}, "void": ""}


def how(choice: str, how: str) -> dict[str, str]:
    """A convention, and how it is known."""
    return {"choice": choice, "how": how}


def plan(implementations: list[dict[str, Any]], laws: Mapping[str, Any], budget: str = "standard") -> dict[str, Any]:
    """What a run was asked for."""
    return {
        "budget": {"name": budget, "examples": 12 if budget == "quick" else 30, "costly": 2, "timeout": 300.0},
        "standard_examples": 30,
        "standard_costly": 2,
        "seed": 0,
        "false_alarms": {"random_signs": 1e-6, "estimates": 1e-6, "other": 0.0},
        "dtype": None,
        "implementations": implementations,
        "laws": dict(laws),
        "all_laws": list(laws),
        "profiles": {"core": {"about": "Core.", "must": {"weights/a": "attention"}}},
    }


def nasty(budget: str = "standard", planned: int | None = None) -> dict[str, Any]:
    """Two implementations, three laws, two dtypes, every verdict, and texts that try to be markup."""
    laws = {
        "weights/a": law("weights/a", statement=NASTY, why=NASTY),
        "weights/b": law("weights/b", where="sees_a_key(p)", shipped=False, file="my laws.yaml"),
        "masks/c": law("masks/c", "should"),
    }
    certificate = {
        "problems": 30,
        "caught": ["scale-twice", "last-key-dropped"],
        "missed": ["stale-scale"],
        "not_judged": {},
        "void": "",
    }
    rows = [
        row("one", "weights/a", "float32", certificate=certificate),
        row("one", "weights/a", "bfloat16", "fail", message=NASTY, details=[NASTY], diagnosis=DIAGNOSIS,
            worst_ratio=float("inf"), ratios_over_keys=[[33, 4e6]], simplest=["k is 0 throughout"], script="replays/a.py"),
        row("one", "weights/b", "float32", "error", message="raised RuntimeError: no such shape"),
        row("one", "weights/b", "bfloat16", "inconclusive", examples=0, worst_ratio=None, worst_case=None, ratios_over_keys=[]),
        row("two <2>", "weights/a", "float32", certificate=certificate),
        row("two <2>", "weights/b", "float32", "fail", message="as known"),
        row("two <2>", "masks/c", "float32", "not-claimed", level="should", examples=0, worst_ratio=None, worst_case=None),
    ]  # fmt: skip
    known = {"law": "weights/b", "implementation": "two*", "reason": NASTY, "link": "https://example.org/7"}
    return build_report(
        rows,
        plan=plan([made("one", ["float32", "bfloat16"]), made("two <2>", ["float32"])], laws, budget),
        planned=len(rows) if planned is None else planned,
        conventions={
            "one": {
                "empty_rows": {"choice": "zeros", "how": "probed"},
                "hidden_nan": {"choice": "propagates", "how": "assumed"},
            }
        },
        baseline=[known],
    )


def everything() -> dict[str, Any]:
    """The same, and whatever else a section can say: refusals, notes, estimates, an arithmetic, problems of the baseline."""
    report = nasty()
    for n, each in enumerate(report["implementations"]):
        words = "ValueError: no such heads" if n else ""
        each["refusals"] = [{"sentence": "does not take grouped heads", "words": words}]
        each["notes"] = [f"note {n}"]
    report["baseline_problems"] = ["one entry expired", "another matches nothing"]
    report["laws"]["accuracy/scale"] = law("accuracy/scale")
    report["results"].append({**report["results"][0], "law": "accuracy/scale", "estimate": "scale off by +0.001 % (± 0.023 %)"})
    report["results"][1]["worst_found"] = {"message": "off by 300", "case": "weights/a?b=2"}
    report["results"][1]["diagnosis"] = {
        **DIAGNOSIS,
        "ranked": [MISTAKE, {**MISTAKE, "fault": "causal-late", "links": []}],
        "arithmetic": {"model": "half-naive", "ratio": 0.91, "sentence": "holds under half-naive, 0.91 of its bound"},
    }
    return report


def kills(report: Mapping[str, Any]) -> Summary:
    """A summary of the spec of a report: one mistake that is rejected, and one of which nobody knows, that survives."""
    part = {"killed_by": 3, "law": "weights/first", "problem": 1, "seconds": 0.1}
    made = {
        **{key: report[key] for key in ("format", "attnspec", "environment", "seed")},
        "budget": {"name": "quick", "examples": 12},
        "dtypes": ["float32", "bfloat16"],
        "seconds": 1,
        "laws": 12,
        "faults": {"scale-twice": {"float32": part}, "of-my-own": {"float32": {"killed_by": 0}, "bfloat16": part}},
    }
    return checked(made, Summary, "the summary")


def long_names() -> dict[str, Any]:
    """Names and messages that no column has room for."""
    names = [f"organisation/{'a_name_without_any_break_' * 6}{n}" for n in range(4)]
    laws = {name: law(name) for name in (f"weights/{'a-very-long-law-' * 6}end", "weights/a")}
    rows = [row(name, each, "float32", "fail", message="x" * 5000) for name in names for each in laws]
    implementations = [made(name, ["float32"]) for name in names]
    conventions = {name: {"causal_alignment": how("top-left", "declared")} for name in names}
    return build_report(rows, plan=plan(implementations, laws), planned=len(rows), conventions=conventions)


def operations() -> dict[str, Any]:
    """Two operations: eighteen implementations of attention, two of linear attention; one law of each fails on one of them."""
    laws = {
        "weights/a": law("weights/a"),
        "causal/b": law("causal/b"),
        "linear/c": law("linear/c", "should", operation="linear_attention"),
    }
    attention = [f"library-{n % 3}/kernel-{n}" for n in range(18)]
    linear = ["library-0/chunked", "library-1/scan"]
    rows = [
        row(name, each, "float32", "fail" if (name, each) == (attention[-1], "causal/b") else "pass")
        for name in attention
        for each in ("weights/a", "causal/b")
    ]
    rows += [
        row(name, "linear/c", "float32", verdict, level="should", operation="linear_attention", message="nan")
        for name, verdict in zip(linear, ("pass", "fail"), strict=True)
    ]
    implementations = [made(name, ["float32"]) for name in attention]
    implementations += [{**made(name, ["float32"]), "operation": "linear_attention"} for name in linear]
    return build_report(rows, plan=plan(implementations, laws), planned=len(rows), conventions={})


def nothing() -> dict[str, Any]:
    """A run of which nothing came, not even a law."""
    return build_report([], plan=plan([made("one", ["float32"])], {}), planned=2, conventions={})


def large() -> dict[str, Any]:
    """20,000 results: 250 laws, 20 implementations, 4 dtypes, one in twenty a failure with a diagnosis."""
    chapters = ("weights", "causal", "masks", "heads", "flash", "numerics", "gradients", "interface", "accuracy", "probes")
    laws = {name: law(name) for chapter in chapters for name in (f"{chapter}/law-about-something-{n}" for n in range(25))}
    dtypes = ["float32", "float16", "bfloat16", "float8_e4m3fn"]
    names = [f"backend-{n % 5}/kernel-{n}" for n in range(20)]
    faults = [f"known-mistake-{n}" for n in range(214)]
    keys = [0, 1, 3, 16, 17, 31, 33, 64, 65, 127, 129, 257]
    rows, number = [], 0
    for place, name in enumerate(laws):
        for implementation in names:
            for depth, dtype in enumerate(dtypes):
                number = (number * 1103515245 + 12345) % 2**31
                sizes = f"b={number % 3 + 1}&hq=12&hkv=4&sq={number % 130}&sk={number % 257}&d=64"
                case = f"{name}?dtype={dtype}&{sizes}&causal=1&mask=random:bhqk&values=normal&seed={number}"
                points = [[count, (number % 1000 + count) / 2000] for count in keys]
                shared = {"worst_case": case, "ratios_over_keys": points, "worst_ratio": (number % 1000) / 1000}
                if number % 20 == 0:
                    rows.append(row(implementation, name, dtype, "fail", **{**shared, "case": case, "diagnosis": DIAGNOSIS}))
                elif number % 7 == 0:
                    rows.append(row(implementation, name, dtype, "not-claimed", **shared))
                else:
                    cut = (place + depth) % 200
                    certificate = certified(faults[cut:], faults[:cut])
                    rows.append(row(implementation, name, dtype, certificate=certificate, **shared))
    conventions = {name: {"empty_rows": how("zeros", "declared")} for name in names}
    return build_report(
        rows, plan=plan([made(name, dtypes) for name in names], laws), planned=len(rows), conventions=conventions
    )
