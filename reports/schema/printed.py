"""The JSON Schemas of report.json and faults.json, as they follow from the types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from .faults import KillMatrix
from .report import SCHEMA, Report
from .words import Whole, needs

__all__ = ["FILES", "schema_text", "write_schemas"]

FILES: dict[str, tuple[type[msgspec.Struct], dict[str, str]]] = {
    "report.schema.json": (Report, {"$id": SCHEMA, "title": "attnspec report"}),
    "faults.schema.json": (KillMatrix, {"title": "attnspec kill matrix"}),
}
"""File beside this one → the type of what it describes, and what the schema calls itself."""


def schema_text(name: str) -> str:
    """The JSON Schema that one of FILES holds."""
    kind, called = FILES[name]
    (_,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for empty in Whole.__subclasses__():
        if empty.__name__ in parts:
            parts[empty.__name__]["anyOf"] = [{"maxProperties": 0}, {"required": [name for _, name in needs(empty)]}]
    own = parts.pop(kind.__name__)
    made: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **called}
    made |= {key: value for key, value in own.items() if key not in made}
    return json.dumps({**made, "$defs": parts}, indent=2, ensure_ascii=False) + "\n"


def write_schemas() -> None:
    """Write FILES anew."""
    for name in FILES:
        (Path(__file__).parent / name).write_text(schema_text(name), encoding="utf-8")
