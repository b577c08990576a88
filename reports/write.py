"""Reports on disk. Results go to results.jsonl one by one, so that a run that is killed leaves what it found."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["ResultStream", "as_json", "read_report", "read_results", "write_report"]

RESULTS, REPORT = "results.jsonl", "report.json"


class ResultStream:
    """Appends results to results.jsonl in a folder, which is made; a file of an earlier run is replaced."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / REPORT).unlink(missing_ok=True)
        self._file = (folder / RESULTS).open("w", encoding="utf-8")

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one result, at once."""
        self._file.write(as_json(row) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing more will come."""
        self._file.close()


def write_report(report: Mapping[str, Any], folder: Path) -> Path:
    """Write report.json whole or not at all, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / REPORT
    draft = target.with_suffix(".tmp")
    draft.write_text(as_json(report, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, target)
    return target


def read_report(place: Path) -> dict[str, Any]:
    """A report, from its file or its folder. Raises OSError or ValueError."""
    text = (place / REPORT if place.is_dir() else place).read_text(encoding="utf-8")
    report: dict[str, Any] = json.loads(text)
    return report


def read_results(place: Path) -> list[dict[str, Any]]:
    """The rows of results.jsonl, from its file or its folder; a last line that was cut short is left out."""
    rows = []
    for line in (place / RESULTS if place.is_dir() else place).read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            rows.append(json.loads(line))
    return rows


def as_json(data: Any, indent: int | None = None) -> str:
    """JSON that every reader takes: a ratio that is infinite or NaN becomes a string, which the schema allows."""
    return json.dumps(_plain(data), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(data: Any) -> Any:
    if isinstance(data, float) and (data != data or data in (float("inf"), float("-inf"))):
        return str(data)
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data
