"""`python -m attnspec.reports.schema` writes the JSON Schemas that lie here, from the types."""

from __future__ import annotations

from .printed import write_schemas

write_schemas()
