"""Where a run happened, and on which spec: without this a report cannot be compared with another."""

from __future__ import annotations

import hashlib
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable

from .._version import __version__
from ..spec.operations import added
from ..spec.reading import spec_file

__all__ = ["environment", "spec_hash"]

SUITE = "suite.yaml"

PACKAGES = ("numpy", "ml_dtypes", "hypothesis", "pytest", "torch", "triton", "jax", "jaxlib")


def environment() -> dict[str, object]:
    """The time (UTC, ISO 8601), Python, platform, processors, and the versions of what is installed; nothing is imported."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count() or 1,
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
    }


def spec_hash() -> dict[str, str]:
    """The versions of attnspec and of its suite, and the SHA-256 of the spec's YAML and JSON files but the one that says the
    version; those of operations from elsewhere too.
    """
    digest = hashlib.sha256()
    elsewhere = [file for folder in added() for file in _files(folder, f"{folder.name}/")]
    stated = [(path, data) for path, data in _files(files("attnspec.spec"), "") if path != SUITE]
    for path, data in sorted([*stated, *elsewhere]):
        digest.update(path.encode() + b"\0" + data + b"\0")
    return {"version": __version__, "suite": str(spec_file(SUITE)["version"]), "spec": digest.hexdigest()[:16]}


def _files(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".yaml", ".json")):
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
