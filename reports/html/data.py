"""A report as compact data for a page: columns in place of objects, and every text once.

A report of 20,000 results is 20 MB of JSON. What repeats there (laws, cases that begin with their law, reasons, certificates)
is kept once here, and points of plots are four characters each. `unpack.js` reads it again.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

from ..certificates import certificate_text
from ..findings import replay_command
from ..schema import Report, Result
from ..schema.result import Certificate
from ..schema.setting import Implementation, LawText
from ..schema.words import Real
from ..wording import counted
from .evidence import diagnosis_data

__all__ = ["PICTURED", "embedded", "page_data"]

VERDICTS = ("pass", "not-claimed", "inconclusive", "error", "fail")
"""From the best to the worst; a row keeps its place here."""

PICTURED = 500
"""Failures whose pictures are in the page; the others' are in report.json."""

OCTAVE, ZERO, DIGITS = 16, 640, "0123456789abcdefghijklmnopqrstuvwxyz"
"""A ratio r is kept as ZERO + OCTAVE·log2(r), which is exact to 2 percent from 2^-40 to 2^40."""


class Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.all: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text; that of the empty text is 0 where it was asked for first."""
        return self.all.setdefault(text, len(self.all))


def page_data(report: Report) -> dict[str, Any]:
    """Everything that the scripts of the page need, JSON-ready."""
    texts = Texts()
    texts.number("")
    names = [made.name for made in report.implementations]
    dtypes = list(dict.fromkeys(row.dtype for row in report.results))
    laws = list(report.laws)
    places = {
        "implementation": {name: n for n, name in enumerate(names)},
        "law": {law: n for n, law in enumerate(laws)},
        "dtype": {dtype: n for n, dtype in enumerate(dtypes)},
    }
    rows = report.results
    keys = sorted({keys for row in rows for keys, _ in row.ratios_over_keys})
    certificates = _Certificates()
    columns: dict[str, Any] = {name: [place[getattr(row, name)] for row in rows] for name, place in places.items()}
    columns |= {
        "verdict": "".join(str(VERDICTS.index(row.verdict)) for row in rows),
        "examples": [row.examples for row in rows],
        "ratio": [_real(row.worst_ratio) for row in rows],
        "worst": [texts.number(_short(row, row.worst_case)) for row in rows],
        "points": [texts.number(_points(row.ratios_over_keys, keys)) for row in rows],
        "certificate": [certificates.number(row.certificate) for row in rows],
        "message": [texts.number(row.message) for row in rows],
        "reasons": [texts.number(_reasons(row)) for row in rows],
        "seconds": [round(sum(float(spent) for spent in row.seconds.values()), 2) for row in rows],
    }
    return {
        "verdicts": VERDICTS,
        "implementations": [_implementation(made) for made in report.implementations],
        "laws": [_law(name, law) for name, law in report.laws.items()],
        "dtypes": dtypes,
        "keys": keys,
        "rows": columns,
        "more": _more(rows),
        "certificates": certificates.data,
        "faults": certificates.faults,
        "texts": list(texts.all),
    }


def embedded(data: Any) -> str:
    """JSON that may stand in a script element: no text in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _implementation(made: Implementation) -> dict[str, Any]:
    return {key: getattr(made, key) for key in ("name", "operation", "address", "arrays", "dtypes")}


def _law(name: str, law: LawText) -> dict[str, Any]:
    """replay: the command that runs a case again, with CASE and ADDRESS instead of theirs."""
    told = ("chapter", "level", "operation", "statement", "equation", "where", "why", "file", "line", "sources")
    return {"id": name, **{key: getattr(law, key) for key in told}, "replay": replay_command("CASE", law, "ADDRESS")}


def _short(row: Result, case: str | None) -> str:
    """A case without the law and the dtype of its row, with which cases begin."""
    return (case or "").removeprefix(f"{row.law}?dtype={row.dtype}")


def _reasons(row: Result) -> str:
    return "\n".join(f"{reason} ({counted(count, 'problem')})" for reason, count in row.reasons.items())


def _real(number: Real | None) -> float | str | None:
    """To four digits; what JSON has no number for stays a string."""
    if number is None:
        return None
    value = float(number)
    return float(f"{value:.4g}") if math.isfinite(value) else str(value)


def _points(points: Sequence[tuple[int, Real]], keys: Sequence[int]) -> str:
    """Of each point the place of its number of keys, and its ratio, as two digits of base 36."""
    places = {count: n for n, count in enumerate(keys)}
    return "".join(_two(places[count]) + _two(_level(float(ratio))) for count, ratio in points[: len(DIGITS) ** 2])


def _level(ratio: float) -> int:
    if ratio <= 0:
        return 0
    level = ZERO + OCTAVE * math.log2(ratio) if math.isfinite(ratio) else math.inf  # NaN is no small error
    return round(min(max(level, 1.0), len(DIGITS) ** 2 - 1.0))


def _two(number: int) -> str:
    return DIGITS[number // len(DIGITS)] + DIGITS[number % len(DIGITS)]


def _more(rows: Sequence[Result]) -> dict[str, Any]:
    """Row → what only findings have. Pictures are kept of the first failures, must-laws first."""
    order = {"must": 0, "should": 1, "may": 2}
    drawn = [n for n, row in enumerate(rows) if row.diagnosis.pictures]
    kept = set(sorted(drawn, key=lambda n: (order[rows[n].level], n))[:PICTURED])
    more = {}
    for n, row in enumerate(rows):
        told = {key: getattr(row, key) for key in ("details", "simplest", "script", "known", "estimate")}
        found = {key: said for key, said in told.items() if said}
        if row.case:
            found["case"] = _short(row, row.case)
        if row.diagnosis:
            found["diagnosis"] = diagnosis_data(row.diagnosis, pictured=n in kept)
        if found:
            more[str(n)] = found
    return more


class _Certificates:
    """Certificates, each kept once: the sentence, and the faults that were caught and missed as bits."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.faults: list[str] = []
        self.data: list[list[Any]] = []
        self._numbers: dict[str, int] = {}

    def number(self, certificate: Certificate | None) -> int:
        """-1 where there is none."""
        if not certificate:
            return -1
        caught, missed = (self._bits(names) for names in (certificate.caught, certificate.missed))
        entry = [
            certificate_text(certificate),
            caught,
            missed,
            list(certificate.not_judged.values()),
            certificate.problems,
        ]
        name = json.dumps(entry)
        if name not in self.places:
            self.places[name] = len(self.data)
            self.data.append(entry)
        return self.places[name]

    def _bits(self, names: Sequence[str]) -> str:
        """Base 64 of a number whose bit n is set where the fault n is among the names, least byte first."""
        number = 0
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self.faults)
                self.faults.append(name)
            number |= 1 << self._numbers[name]
        return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "little")).decode()
