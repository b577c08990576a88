"""Writes the scripts that show findings without the kit, and says in each result where its script lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..replaying.script import script, title_of
from .recorder import slug

__all__ = ["REPLAYS", "write_script"]

REPLAYS = "replays"
"""The folder of a report in which scripts lie."""


def write_script(row: dict[str, Any], packed: str, folder: Path | None, addresses: Mapping[str, str]) -> dict[str, Any]:
    """The result with `script`, the path of its script within the folder of the report. Without a folder, none is written."""
    if not packed or folder is None:
        return row
    name = f"{slug(row['law'], row['implementation'], row['dtype'])}.py"
    text = script(packed, address=addresses[row["implementation"]], title=title_of(row), file=name)
    (folder / REPLAYS).mkdir(parents=True, exist_ok=True)
    (folder / REPLAYS / name).write_text(text, encoding="utf-8")
    return {**row, "script": f"{REPLAYS}/{name}"}
