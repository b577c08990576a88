"""Reports on disk. Results go to results.jsonl one by one, so that a run that is killed leaves what it found.

plan.json beside it holds what is known without a result. While it stands there the run is not at its end, and the two files
together are read as an incomplete report.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

import msgspec

from .model import concluded
from .schema import FORMAT

__all__ = [
    "FolderError",
    "ResultStream",
    "as_json",
    "free",
    "prepared",
    "read_report",
    "read_results",
    "report_text",
    "write_report",
]

PLAN, RESULTS, REPORT, PACKED = "plan.json", "results.jsonl", "report.json", "report.json.gz"
LARGEST = 256 << 20
"""Bytes that a packed report may unpack to: twenty thousand results take a tenth of it."""
LOCK = ".lock"
"""Held by the run that writes into a folder."""


class FolderError(Exception):
    """A folder in which nothing can be written. The text is one sentence that names it."""


def prepared(folder: Path) -> Path:
    """The folder, which is made. Raises FolderError where nothing can be written in it, before work is spent on a report."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except FileExistsError:
        raise FolderError(f"{folder}: is a file, where a folder is needed; name another with --out") from None
    except OSError as error:
        raise FolderError(f"{folder}: nothing can be written there: {error.strerror}; name another with --out") from None


def free(folder: Path) -> Path:
    """As `prepared`. Raises FolderError, too, where another run writes into the folder."""
    lock = _locked(prepared(folder))
    if lock is not None:
        lock.close()
    return folder


class ResultStream:
    """Appends results to results.jsonl in a folder, which is made. The report of an earlier run goes, in all its forms."""

    def __init__(self, folder: Path, head: Mapping[str, Any]) -> None:
        """head: of the report, as `model.report_head` gives it. Raises FolderError, also where another run writes there."""
        self._lock = _locked(prepared(folder))
        for file in (*_forms(folder), folder / REPORT):
            file.unlink(missing_ok=True)  # Yesterday's badge must not stand beside what is left of a run that was killed.
        self._folder = folder
        self._file = (folder / RESULTS).open("wb")
        self.plan(head)

    def plan(self, head: Mapping[str, Any]) -> None:
        """Write the head anew, as when more conventions are known."""
        _replace(self._folder / PLAN, as_json(head, indent=1) + "\n")

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one result, at once."""
        self._file.write(as_json(row).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing more will come, and the folder is free for another run."""
        self._file.close()
        if self._lock is not None:
            with contextlib.suppress(OSError):
                (self._folder / LOCK).unlink()
            self._lock.close()


def _locked(folder: Path) -> IO[str] | None:
    """The lock of a folder, which goes with this process; None where the system has none. Raises FolderError."""
    try:
        import fcntl
    except ImportError:
        return None
    lock = (folder / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _still_there(folder / LOCK, lock):
            lock.close()
            return _locked(folder)  # Who held it took it away in between.
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise FolderError(f"{folder}: {holder} writes a report there; wait for it, or name another with --out") from None
    except OSError:  # A file system without locks.
        return lock
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


def _still_there(file: Path, opened: IO[str]) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(opened.fileno()))
    except FileNotFoundError:
        return False


def write_report(report: Mapping[str, Any], folder: Path) -> Path:
    """Write report.json whole or not at all, and return its path. A plan.json beside it goes: the run is at its end.

    So do the forms of an earlier report. Raises FolderError.
    """
    earlier = _forms(prepared(folder))
    _replace(folder / REPORT, report_text(report))
    for file in earlier:
        file.unlink(missing_ok=True)
    (folder / PLAN).unlink(missing_ok=True)
    return folder / REPORT


def read_report(place: Path) -> dict[str, Any]:
    """A report, from its file or its folder; the file may be packed by gzip. Raises OSError, ValueError or SchemaError.

    A folder of a run that did not come to its end gives what came, as an incomplete report.
    """
    try:
        return _read(place)
    except EOFError:
        raise ValueError("it is cut short") from None
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def _read(place: Path) -> dict[str, Any]:
    if place.is_dir() and (place / PLAN).exists():  # Also beside a report.json: it would be one of an earlier run.
        head, rows = json.loads((place / PLAN).read_text(encoding="utf-8")), read_results(place)
        # Of another format nothing can be concluded here, and its number says why.
        return concluded(head, rows).data if head["format"] == FORMAT else {**head, "results": rows}
    if place.is_dir():
        place = place / (PACKED if (place / PACKED).exists() and not (place / REPORT).exists() else REPORT)
    report: dict[str, Any] = json.loads(_unpacked(place) if place.suffix == ".gz" else place.read_bytes())
    return report


def _unpacked(place: Path) -> bytes:
    """What a packed file holds. Raises ValueError where that is more than a report may have: a small file can hold any size."""
    with gzip.open(place) as packed:
        content = packed.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it unpacks to more than {LARGEST >> 20} MiB, the most that a report may have")
    return content


def read_results(place: Path) -> list[dict[str, Any]]:
    """The rows of results.jsonl, from its file or its folder, in the order in which they came.

    A last line that was cut short is left out. Of a case that came twice (its worker died after it had answered) the last
    counts.
    """
    rows = {}
    for line in (place / RESULTS if place.is_dir() else place).read_bytes().split(b"\n")[:-1]:
        row = json.loads(line)
        rows[row["law"], row["implementation"], row["dtype"]] = row
    return list(rows.values())


def _forms(folder: Path) -> list[Path]:
    """The forms of an earlier report in a folder; of one that never held a report, nothing, whatever its files are called."""
    from .formats import FILES

    if not ((folder / RESULTS).exists() or (folder / REPORT).exists()):
        return []
    return [folder / name for names in FILES.values() for name in names]


def _replace(target: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = target.with_suffix(".tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def report_text(report: Mapping[str, Any]) -> str:
    """A report as report.json has it: a result a line, for 20,000 of them in full would have millions of lines."""
    if not report["results"]:
        return as_json(report, indent=1) + "\n"
    mark = uuid4().hex
    before, after = as_json({**report, "results": [mark]}, indent=1).split(f'"{mark}"')
    return before + ",\n  ".join(as_json(row) for row in report["results"]) + after + "\n"


def as_json(data: Any, indent: int | None = None) -> str:
    """JSON that every reader takes: a ratio that is infinite or NaN becomes a string, which the schema allows.

    Half a surrogate pair, which UTF-8 has no bytes for, is written as JSON's own escape.
    """
    text = json.dumps(_plain(data), indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(data: Any) -> Any:
    if isinstance(data, float) and (data != data or data in (float("inf"), float("-inf"))):
        return str(data)
    if isinstance(data, msgspec.Struct):
        return _plain(msgspec.to_builtins(data))
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data
