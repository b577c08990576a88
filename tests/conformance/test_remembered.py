"""What a run remembers of an implementation ends with it."""

from __future__ import annotations

import gc
from weakref import ref

import numpy as np
import pytest

import attnspec
from attnspec.conformance.remembered import a_run, at_the_end, for_a_run, kept_for_a_run


def test_what_is_kept_for_a_run_is_forgotten_when_the_outermost_ends() -> None:
    memory, ended = kept_for_a_run({}), []
    at_the_end(lambda: ended.append(1))
    calls = []

    @for_a_run
    def once(x: int) -> int:
        calls.append(x)
        return x

    with a_run():
        memory["a"], _ = 1, once(3)
        with a_run():
            once(3)
        assert memory == {"a": 1} and calls == [3] and not ended
    assert not memory and ended == [1]
    once(3)
    assert calls == [3, 3]


def test_it_ends_where_a_run_is_broken_off() -> None:
    memory = kept_for_a_run({1: 1})
    with pytest.raises(KeyboardInterrupt), a_run():
        raise KeyboardInterrupt
    assert not memory


def test_a_check_leaves_nothing_of_the_kernel_behind_and_finds_the_same_again() -> None:
    def attend(q, k, v):  # type: ignore[no-untyped-def]
        scores = (q @ np.repeat(k, q.shape[1] // k.shape[1], 1).swapaxes(-1, -2)).astype(np.float64)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return (weights / weights.sum(-1, keepdims=True) @ np.repeat(v, q.shape[1] // v.shape[1], 1)).astype(q.dtype)

    laws = ["weights/as-defined", "weights/sum-to-one", "heads/concatenate"]
    found = [attnspec.check(attend, laws=laws).results for _ in range(2)]
    plain = [
        [{**result.as_dict(), "seconds": None, "diagnosis": {**(result.diagnosis or {}), "seconds": None}} for result in each]
        for each in found
    ]
    assert plain[0] == plain[1] and {result.verdict for result in found[0]} == {"pass", "fail"}
    gone = ref(attend)
    del attend
    gc.collect()
    assert gone() is None
