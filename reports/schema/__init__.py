"""The format of reports: types, from which validation and the JSON Schemas beside them follow."""

from __future__ import annotations

from .checked import SchemaError, checked
from .diagnosis import Diagnosis
from .faults import MATRIX_FORMAT, KillMatrix, Summary
from .report import FORMAT, SCHEMA, Report
from .result import Result

__all__ = [
    "FORMAT",
    "MATRIX_FORMAT",
    "SCHEMA",
    "Diagnosis",
    "KillMatrix",
    "Report",
    "Result",
    "SchemaError",
    "Summary",
    "checked",
]
