"""Packs the calls of a failure into a script of its own, which shows the failure where the kit is not installed."""

from __future__ import annotations

import base64
import io
import json
import re
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from ...adapters.contract import Implementation
from ...reports.visible import visible
from ...spec.shapes import in_layout
from ..hosts.program import is_program
from ..language.law import Law
from ..operations import operation_named
from .calls import Call

__all__ = ["LARGEST", "pack", "script", "title_of"]

LARGEST = 50_000
"""Bytes that a script may have."""

LOW = ("bfloat16", "float8_e4m3fn", "float8_e5m2")
"""Dtypes that .npy files do not know; their bits are stored."""


def pack(calls: Sequence[Call], law: Law, made: Implementation, dtype: str, case: str, found: str) -> str | None:
    """The calls as text that `script` embeds: the first that shows a mistake alone, or all where none does.

    None where they are too large for a script, where there was no call, or where the implementation is a program, has the
    signature of a preset or takes its heads in another order than the spec, which a script does not know.
    """
    if made.signature or is_program(made.origin) or made.conventions.get("head_groups") == "interleaved":
        return None
    showing = [call for call in calls if call.wrong()][:1]
    told = showing or list(calls)
    if not told:
        return None
    arrays: dict[str, Any] = {}
    about: dict[str, Any] = {
        "law": law.id, "statement": law.statement, "equation": law.equation, "found": found, "case": case,
        "implementation": made.name, "dtype": dtype, "arrays": made.arrays, "layout": made.layout,
        "backward": made.backward_address,
        "decisive": bool(showing), "calls": [_call(n, call, arrays, made) for n, call in enumerate(told)],
    }  # fmt: skip
    about["dtypes"] = {name: str(x.dtype) for name, x in arrays.items()}
    stored = io.BytesIO()
    bits = {
        name: x.view({1: np.uint8, 2: np.uint16}[x.dtype.itemsize]) if str(x.dtype) in LOW else x for name, x in arrays.items()
    }
    np.savez(stored, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **bits)
    text = base64.b85encode(zlib.compress(stored.getvalue(), 9)).decode()
    room = LARGEST - len(_template()) - 2_000
    return text if len(text) * 1.01 < room else None


def script(packed: str, *, address: str, title: str, file: str) -> str:
    """The text of the script. address: where the implementation is found. title: its first line. file: its own name."""
    lines = "\n".join(textwrap.wrap(packed, 120, break_on_hyphens=False))
    filled = {"TITLE": _in_docstring(title), "FILE": _in_docstring(file), "ADDRESS": _in_string(address)}
    filled["DATA"] = lines.replace("\\", "\\\\")
    return re.sub("@(TITLE|FILE|ADDRESS|DATA)@", lambda found: filled[found[1]], _template())


def _in_docstring(text: str) -> str:
    """Text of others where the script has its docstring: it ends nothing and escapes nothing."""
    return visible(text).replace("\\", "\\\\").replace('"""', "'''")


def _in_string(text: str) -> str:
    """Text between double quotes that means the same there."""
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def _template() -> str:
    return files(__package__ or "").joinpath("template.py").read_text(encoding="utf-8")


def _call(number: int, call: Call, arrays: dict[str, Any], made: Implementation) -> dict[str, Any]:
    """One call in JSON, options under the names of the function's parameters; its arrays go to `arrays`, by its number."""
    arrays |= {f"{number}.{name}": array for name, array in call.p.arrays.items()}
    operation = operation_named(call.p.operation)
    asked = {option: True for option, names in operation.asks.items() if names[0] in call.gave}
    options: dict[str, Any] = {}
    for name, value in made.keywords.of({**call.p.options, **asked}, call.p.sizes.get("d", 1)).items():
        if isinstance(value, np.ndarray):
            arrays[f"{number}.option.{name}"] = value
            value = f"@{number}.option.{name}"
        elif isinstance(value, tuple) and any(isinstance(each, np.ndarray) for each in value):
            arrays |= {f"{number}.option.{name}.{n}": each for n, each in enumerate(value)}
            value = [f"@{number}.option.{name}.{n}" for n in range(len(value))]
        options[name] = value
    for name, came in call.gave.items():
        arrays[f"{number}.gave.{name}"] = came
        if name in call.right:
            arrays[f"{number}.low.{name}"], arrays[f"{number}.high.{name}"] = call.right[name]
    axes = {**operation.arguments, **{name: result.axes for name, result in operation.results.items()}}
    told: dict[str, Any] = {
        "arguments": list(call.p.arrays),
        "memory": call.p.memory,
        "options": options,
        "gave": list(call.gave),
        "laid_out": [name for name in axes if in_layout(axes[name])],
        "raised": call.raised,
    }
    if call.dout is not None:
        arrays[f"{number}.dout"] = call.dout
        told["dout"] = True
    return told


def title_of(row: Mapping[str, Any]) -> str:
    """The first line of a script about a result."""
    return f"{row['law']} does not hold for {row['implementation']} in {row['dtype']}."
