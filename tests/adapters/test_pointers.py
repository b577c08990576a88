"""What a pointer cannot say is checked before one is used."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import attnspec
from attnspec.adapters.contract import implementation_of


def given(**changed: Any) -> list[Any]:
    shapes = {"q": (2, 4, 3, 8), "k": (2, 2, 5, 8), "v": (2, 2, 5, 6)}
    return [changed.get(name, np.zeros(shape, np.float32)) for name, shape in shapes.items()]


def seen(copies: bool = True) -> Any:
    @attnspec.for_pointers("attention", "float32", copies=copies)
    def attend(q: Any, k: Any, v: Any, *, scale: Any = None) -> Any:
        return q, k, v, scale

    return attend


def test_arrays_that_fit_are_handed_on_as_they_are() -> None:
    arrays = given()
    *came, scale = seen()(*arrays, scale=2.0)
    assert all(x is y for x, y in zip(came, arrays, strict=True)) and scale == 2.0


def test_an_array_with_gaps_is_copied_or_refused() -> None:
    gaps = np.arange(2 * 4 * 3 * 11, dtype=np.float32).reshape(2, 4, 3, 11)[..., :8]
    q = seen()(*given(q=gaps))[0]
    assert q.flags.c_contiguous and (q == gaps).all()
    with pytest.raises(ValueError, match="q does not lie in the order of C"):
        seen(copies=False)(*given(q=gaps))


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"k": [[1.0]]}, TypeError, "k is a list"),
        ({"v": np.zeros((2, 2, 5, 6))}, TypeError, "v has the dtype float64"),
        ({"v": np.zeros((2, 5, 6), np.float32)}, ValueError, "v has 3 axes"),
        ({"v": np.zeros((2, 2, 4, 6), np.float32)}, ValueError, "Sk is 5 in k and 4 in v"),
        ({"q": np.zeros((2, 3, 3, 8), np.float32)}, ValueError, "Hq is 3, which is no multiple of Hkv, 2"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        seen()(*given(**changed))


def test_the_signature_still_claims_what_it_did() -> None:
    assert "scale" in inspect.signature(seen()).parameters
    assert implementation_of(seen(), name="pointers").options == {"scale"}
