"""A small report, made by hand: reports work on plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Row = dict[str, Any]


@pytest.fixture
def nasty() -> str:
    """A text with what terminals, XML, HTML, Markdown and UTF-8 each have trouble with."""
    return "<b>bold</b> `code` | *star* @someone #12 & \x1b[31mred\x00 \ufffe \udcff ]]> </pre>"


@pytest.fixture
def row() -> Callable[..., Row]:
    """A result; keyword arguments replace its fields."""

    def make(law: str = "weights/a", verdict: str = "pass", **changed: Any) -> Row:
        return {
            "implementation": "mine",
            "operation": "attention",
            "law": law,
            "dtype": "float32",
            "verdict": verdict,
            "level": "must",
            "chapter": law.split("/")[0],
            "examples": 50,
            "unclaimed": 0,
            "inconclusive": 0,
            "reasons": {},
            "worst_ratio": 0.25,
            "worst_case": f"{law}?worst",
            "case": f"{law}?dtype=float32&b=1" if verdict in ("fail", "error") else None,
            "message": "off by 3" if verdict == "fail" else "",
            "details": ["at (0, 0)"] if verdict == "fail" else [],
            "seconds": {"implementation": 0.1, "reference": 0.1, "kit": 0.1},
            **changed,
        }

    return make


@pytest.fixture
def plan() -> dict[str, Any]:
    """Three laws, two of them in the profile core, one implementation, the standard budget."""

    def law(name: str, level: str = "must") -> dict[str, Any]:
        return {
            "chapter": name.split("/")[0],
            "level": level,
            "operation": "attention",
            "statement": f"The law {name}.",
            "equation": "out(p) ≈ 1",
            "where": None,
            "why": "A test.",
            "file": "spec/attention/laws/x.yaml",
            "line": 3,
            "shipped": True,
        }

    made = {"name": "mine", "address": "mine.py:mine", "operation": "attention", "arrays": "numpy", "layout": "bhsd",
            "dtypes": ["float32"], "device": "cpu", "mode": "eager", "options": [], "claims": [], "notes": [],
            "origin": "mine"}  # fmt: skip
    return {
        "budget": {"name": "standard", "examples": 50, "costly": 5, "timeout": 300.0},
        "standard_examples": 50,
        "standard_costly": 5,
        "seed": 0,
        "false_alarms": {"random_signs": 1e-6, "estimates": 1e-6, "other": 0.0},
        "dtype": None,
        "implementations": [made],
        "laws": {name: law(name) for name in ("weights/a", "weights/b")} | {"heads/c": law("heads/c", "should")},
        "all_laws": ["weights/a", "weights/b", "heads/c", "masks/d"],
        "profiles": {"core": {"about": "Core.", "must": {"weights/a": "attention", "weights/b": "attention"}}},
    }


@pytest.fixture
def report(plan: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """The report of some rows."""
    from attnspec.reports.model import build_report

    def build(rows: list[Row], **changed: Any) -> dict[str, Any]:
        how = {"planned": len(rows), "conventions": {}, "plan": plan, **changed}
        return build_report(rows, **how).data

    return build
