"""The NumPy implementations name what does not fit instead of broadcasting it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.finding import find

F = np.float32
Q, KV = (2, 4, 5, 8), (2, 2, 7, 8)


@pytest.mark.parametrize(
    ("changed", "options", "words"),
    [
        ({"q": np.ones((4, 5, 8), F)}, {}, r"q must be \(B, H, S, D\)"),
        ({"q": np.ones(Q)}, {}, "q has dtype float64"),
        ({"k": np.ones(KV, np.float16)}, {}, "k has dtype float16 and q has float32"),
        ({"k": np.ones((1, 2, 7, 8), F)}, {}, "k has 1 batch entries and q has 2"),
        ({"k": np.ones((2, 2, 7, 4), F)}, {}, "k has 4 features"),
        ({"v": np.ones((2, 1, 7, 8), F)}, {}, "v has 1"),
        ({"v": np.ones((2, 2, 6, 8), F)}, {}, "v has 6"),
        ({"k": np.ones((2, 3, 7, 8), F), "v": np.ones((2, 3, 7, 8), F)}, {}, "not a multiple of 3"),
        ({}, {"mask": np.ones((5, 7), F)}, "mask has dtype float32"),
        ({}, {"mask": np.ones((5, 6), bool)}, r"mask \(5, 6\) does not broadcast"),
        ({}, {"mask": np.ones((1, 2, 4, 5, 7), bool)}, "does not broadcast"),
        ({}, {"bias": np.ones((5, 7))}, "bias has dtype float64"),
        ({}, {"alibi_slopes": np.ones(2, F)}, "alibi_slopes has shape"),
        ({}, {"sinks": np.ones((4, 1), F)}, "sinks has shape"),
        ({}, {"q_segments": np.ones((2, 5), np.int32)}, "come together"),
        ({}, {"kv_lengths": np.array([8, 1])}, r"must lie in 0\.\.7"),
        ({}, {"kv_lengths": np.array([-1, 1])}, "must lie in"),
        ({}, {"window": (-1, 0)}, "not negative"),
        ({}, {"softcap": 0.0}, "softcap 0.0 must be positive"),
        ({}, {"dropout_p": 1.0}, "must lie in"),
    ],
)
@pytest.mark.parametrize("name", ["numpy/naive", "numpy/flash"])
def test_misfits_are_named(name: str, changed: dict[str, Any], options: dict[str, Any], words: str) -> None:
    given = {"q": np.ones(Q, F), "k": np.ones(KV, F), "v": np.ones(KV, F), **changed}
    with pytest.raises(ValueError, match=words):
        find(name)[0].function(given["q"], given["k"], given["v"], **options)


@pytest.mark.parametrize("name", ["numpy/naive", "numpy/flash"])
def test_inputs_stay_as_they_were(name: str) -> None:
    arrays = [np.ones(Q, F), np.ones(KV, F), np.ones(KV, F), np.ones((5, 7), bool)]
    before = [a.tobytes() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    find(name)[0].function(*arrays[:3], mask=arrays[3], causal=True)
    assert [a.tobytes() for a in arrays] == before
