"""The pictures that a diagnosis carries show the mistake, stay small, and are left out where nothing can be read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.diagnosis.panels import KEYS, ROWS, pictures
from attnspec.conformance.problems.structure import Structure
from attnspec.reference.faults.catalogue import as_callable

CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}
SMALLEST = Structure.of(sq=1, sk=2, d=1, options={"causal": True}, values="normal", operation="attention")


def taken(name: str, structure: Structure = SMALLEST) -> dict[str, Any]:
    found = pictures(
        implementation_of(as_callable(name, operation="attention"), name="kernel", conventions=CONVENTIONS), structure
    )
    assert found is not None
    return found


def levels(rows: list[str]) -> Any:
    return np.array([list(bytes.fromhex(row)) for row in rows])


def test_a_leak_is_drawn_at_a_size_that_tells() -> None:
    found = taken("causal-off-by-one")
    assert found["queries"] > 1 and "causal=1" in found["case"]
    due, read = (np.array([[bit == "1" for bit in row] for row in found[key]]) for key in ("mask_due", "mask_read"))
    assert np.array_equal(due, np.tri(*due.shape, dtype=bool))
    assert np.array_equal(read, np.tri(*due.shape, k=1, dtype=bool))
    assert due.shape == (found["queries"], found["keys"]) == levels(found["weights_due"]).shape
    assert np.all(levels(found["weights_read"])[~read] == 0)


def test_wrong_weights_are_drawn_though_the_mask_is_right() -> None:
    found = taken("scale-twice", Structure.of(sq=2, sk=3, d=8, options={}, values="normal", operation="attention"))
    assert found["mask_due"] == found["mask_read"]
    assert found["weights_due"] != found["weights_read"]
    assert max(levels(found["weights_due"]).max(), levels(found["weights_read"]).max()) == 254


def test_the_definition_gives_what_is_due() -> None:
    found = taken("correct")
    assert found["mask_due"] == found["mask_read"] and found["weights_due"] == found["weights_read"]


def test_nan_has_a_level_of_its_own() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        return np.full((*q.shape[:3], v.shape[-1]), np.nan, q.dtype)

    found = pictures(
        implementation_of(attend, name="kernel", conventions=CONVENTIONS), Structure.of(sq=2, sk=3, d=2, operation="attention")
    )
    assert found is not None and np.all(levels(found["weights_read"]) == 255)
    assert found["mask_read"] == ["n" * found["keys"]] * found["queries"] and "infinite" not in found


def test_infinity_has_a_plane_of_its_own() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        rows = np.broadcast_to(v[:, :, 1:2], (*q.shape[:3], v.shape[-1]))
        return np.where(rows != 0, np.inf, 0.0).astype(q.dtype)  # the value of key 1 overflows

    found = pictures(
        implementation_of(attend, name="kernel", conventions=CONVENTIONS),
        Structure.of(sq=2, sk=3, d=4, dv=4, operation="attention"),
    )
    assert found is not None and {row[1] for row in found["mask_read"]} == {"i"}
    assert {row[:3] for row in found["infinite"]} == {"010"} and np.isfinite(found["largest"])


def test_what_cannot_be_read_is_left_out() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        raise RuntimeError("no such shape")

    seen: list[Structure] = []
    assert (
        pictures(
            implementation_of(attend, name="kernel", conventions=CONVENTIONS), Structure.of(operation="attention"), seen.append
        )
        is None
    )
    assert len(seen) > 1


def test_no_picture_is_large() -> None:
    found = taken(
        "causal-off-by-one", Structure.of(sq=400, sk=500, d=8, options={"causal": True}, values="normal", operation="attention")
    )
    assert found["queries"] <= ROWS and found["keys"] <= KEYS
    assert len(json.dumps(found)) < 6_000
