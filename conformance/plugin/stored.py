"""Failures of earlier runs, which are tried first in the next one.

They stand in .attnspec/failures.json in the folder in which a run is started: implementation, law and dtype → cases, and the
one that was furthest off before it was made small, so that the next run can tell it too. What fails is added, what holds is
taken out, and what did not run stays.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...reports.schema import Result

__all__ = ["Recorded", "StoredFailures", "recorded_in"]

FOLDER, FILE = ".attnspec", "failures.json"

MOST = 3
"""Cases that are kept of one law, implementation and dtype, the latest first."""


def recorded_in(folder: Path) -> Path:
    """The file in which the failures of runs from a folder are recorded."""
    return folder / FOLDER / FILE


@dataclass(frozen=True)
class Recorded:
    """One failure of an earlier run. address: of its implementation."""

    address: str
    law: str
    dtype: str
    case: str


@dataclass(frozen=True)
class Kept:
    """The cases of one law, implementation and dtype, and that which was furthest off; empty where it is one of them."""

    cases: list[str]
    worst: str = ""


class StoredFailures:
    """The cases in a file, read once. A file that cannot be read counts as empty: it is a memory, not a claim."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            loaded = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            loaded = {}
        self._kept: dict[str, Kept] = {key: _kept(value) for key, value in loaded.items()} if isinstance(loaded, dict) else {}

    def all(self) -> list[Recorded]:
        """Every failure, by implementation, law and dtype."""
        found = []
        for key, kept in sorted(self._kept.items()):
            address, law, dtype = key.rsplit(" ", 2)
            found += [Recorded(address, law, dtype, case) for case in kept.cases]
        return found

    def cases(self, address: str, law: str, dtype: str) -> list[str]:
        """Cases on which a law failed before, on the implementation at an address, that which was furthest off last."""
        kept = self._kept.get(_key(address, law, dtype), Kept([]))
        return [*kept.cases, kept.worst] if kept.worst else list(kept.cases)

    def update(self, rows: Iterable[Result], addresses: Mapping[str, str]) -> str | None:
        """Take over what a run found, and write the file if anything changed. addresses: implementation → address.

        The sentence that says why it could not be written, or None.
        """
        before = dict(self._kept)
        for row in rows:
            key = _key(addresses[row.implementation], row.law, row.dtype)
            if row.verdict == "pass":
                self._kept.pop(key, None)
            elif row.verdict in ("fail", "error") and row.case and "?" in row.case:
                others = [case for case in self._kept.get(key, Kept([])).cases if case != row.case]
                self._kept[key] = Kept([row.case, *others][:MOST], row.worst_found.case if row.worst_found else "")
        try:
            if self._kept != before:
                self._write()
        except OSError as error:
            return f"failures are not recorded for the next run: {self.file.parent}: {error.strerror}"
        return None

    def _write(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        (self.file.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        draft = self.file.with_suffix(".tmp")
        written = {key: asdict(kept) for key, kept in self._kept.items()}
        draft.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(draft, self.file)


def _kept(value: Any) -> Kept:
    """What stands in the file; earlier versions wrote the cases alone."""
    if isinstance(value, dict):
        return Kept(list(value.get("cases", [])), str(value.get("worst", "")))
    return Kept(list(value) if isinstance(value, list) else [])


def _key(address: str, law: str, dtype: str) -> str:
    return f"{address} {law} {dtype}"
