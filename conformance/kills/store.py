"""Where certificates are kept from run to run: one small file each, in the user's folder for what can be made again."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ...adapters.cache import cache_folder

__all__ = ["load", "store"]

FIELDS = {"problems", "caught", "missed", "not_judged", "void"}


def load(key: str) -> dict[str, Any] | None:
    """The certificate of a signature; None where none is kept, or what is kept cannot be read."""
    try:
        found = json.loads(_file(key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and set(found) == FIELDS else None


def store(key: str, found: dict[str, Any]) -> None:
    """Keep a certificate, whole or not at all. A folder that cannot be written to keeps nothing, and the run goes on."""
    with contextlib.suppress(OSError):
        _file(key).parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=_file(key).parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as text:
            json.dump(found, text)
        os.replace(draft, _file(key))


def _file(key: str) -> Path:
    return cache_folder() / "certificates" / key[:2] / f"{key}.json"
