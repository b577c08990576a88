"""Known failures, kept outside the code: law, implementation, perhaps a dtype, a reason, perhaps a link and an expiry date.

They still run. An entry that expired, matches nothing, or matches something that passes is a problem of the baseline, so
that it can only shrink by being mended, never rot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

__all__ = ["BaselineError", "baseline_problems", "known", "load_baseline"]

REQUIRED = ("law", "implementation", "reason")
KEYS = (*REQUIRED, "dtype", "link", "expires")
Entry = dict[str, Any]


class BaselineError(Exception):
    """A baseline file that cannot be read. The text is one sentence with file and entry."""


def load_baseline(file: Path) -> list[Entry]:
    """The entries of a YAML list. `law` and `implementation` may be globs. Raises BaselineError."""
    import yaml

    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BaselineError(f"{file}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BaselineError(f"{file}: is not YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return []
    if not isinstance(data, list):
        raise BaselineError(f"{file}: a baseline is a list of entries with {', '.join(KEYS)}")
    return [_checked(file, number, entry) for number, entry in enumerate(data, start=1)]


def known(entries: Sequence[Entry], row: Mapping[str, Any]) -> Entry | None:
    """The entry that expects a result to fail, if one does and is still valid."""
    return next((entry for entry in entries if _matches(entry, row) and not _expired(entry)), None)


def baseline_problems(entries: Sequence[Entry], report: Mapping[str, Any]) -> list[str]:
    """A sentence for each entry that expired, matches nothing, or matches a law that now passes.

    A law, dtype or implementation that was left out of the run is no problem of its entry, except where it does not exist.
    """
    return [sentence for entry in entries for sentence in _problems(entry, report)]


def _problems(entry: Entry, report: Mapping[str, Any]) -> Iterable[str]:
    where = f"baseline entry for {entry['law']} on {entry['implementation']}" + (
        f" in {entry['dtype']}" if entry.get("dtype") else ""
    )
    if _expired(entry):
        yield f"{where} expired on {entry['expires']}"
        return
    rows = [row for row in report["results"] if _matches(entry, row)]
    for row in rows:
        if row["verdict"] == "pass":
            yield f"{where}: {row['law']} now passes on {row['implementation']} in {row['dtype']}; take the entry away"
    if not rows and not _left_out(entry, report):
        yield f"{where} matches nothing in this run"


def _left_out(entry: Entry, report: Mapping[str, Any]) -> bool:
    """Whether the run was asked to leave out what the entry speaks of."""
    if entry.get("dtype") and report["dtype"] not in (None, entry["dtype"]):
        return True
    elsewhere = [law for law in report["all_laws"] if law not in report["laws"]]
    return any(fnmatchcase(law, entry["law"]) for law in elsewhere)


def _matches(entry: Entry, row: Mapping[str, Any]) -> bool:
    return (
        fnmatchcase(row["law"], entry["law"])
        and fnmatchcase(row["implementation"], entry["implementation"])
        and entry.get("dtype") in (None, row["dtype"])
    )


def _expired(entry: Entry) -> bool:
    return bool(entry.get("expires")) and date.fromisoformat(entry["expires"]) < date.today()


def _checked(file: Path, number: int, entry: Any) -> Entry:
    where = f"{file}: entry {number}"
    if not isinstance(entry, dict):
        raise BaselineError(f"{where}: is not a mapping with {', '.join(KEYS)}")
    for key in REQUIRED:
        if not entry.get(key):
            raise BaselineError(f"{where}: has no {key}")
    unknown = [str(key) for key in entry if key not in KEYS]
    if unknown:
        raise BaselineError(f"{where}: unknown key {unknown[0]!r}; the keys are {', '.join(KEYS)}")
    checked = {key: str(value) for key, value in entry.items() if value is not None}
    if "expires" in checked:
        try:
            date.fromisoformat(checked["expires"])
        except ValueError:
            raise BaselineError(f"{where}: expires is a date like 2027-01-31, not {checked['expires']!r}") from None
    return checked
