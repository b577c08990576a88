"""Words mean what their docstrings say, shown on the reference: a transform that changes nothing changes no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.conformance.meaning import attended
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.problem import Problem
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.vocabulary import WORDS, Undecided

EVERYTHING = (
    "dtype=float32&b=2&hq=6&hkv=2&sq=5&sk=19&d=8&scale=0.3&causal=1&window=7,2&mask=random:b1qk&bias=normal:1hqk"
    "&softcap=5&segments=2&kv_lengths=random&values=normal&seed=5&geometry=3"
)
PLAIN = "dtype=float32&b=2&hq=6&hkv=2&sq=5&sk=19&d=8&mask=random:bhqk&bias=ramp:11qk&segments=3&values=normal&seed=5&geometry=3"


def problem(query: str, alignment: str = "bottom-right") -> Problem:
    return build(Structure.parse(query, "attention"), {"causal_alignment": alignment, "empty_rows": "zeros"})


def apply(name: str, *arguments: Any, **keywords: Any) -> Any:
    return WORDS[name].function(*arguments, **keywords)


def same_answer(a: Problem, b: Problem, tolerance: float = 1e-12) -> None:
    x, y = attended(a), attended(b)
    assert np.max(np.abs(x.out - y.out), initial=0) <= tolerance
    assert np.array_equal(np.isneginf(x.lse), np.isneginf(y.lse))
    both = np.isfinite(x.lse)
    assert np.max(np.abs(x.lse[both] - y.lse[both]), initial=0) <= tolerance


@pytest.mark.parametrize("alignment", ["top-left", "bottom-right"])
def test_explicit_writes_out_what_counts_positions(alignment: str) -> None:
    p = problem(EVERYTHING, alignment)
    written = apply("explicit", p)
    assert not {"causal", "window", "q_segments", "kv_segments", "kv_lengths"} & set(written.options)
    same_answer(p, written)


def test_explicit_writes_alibi_as_a_bias_where_that_is_exact() -> None:
    query = "dtype=float32&b=2&hq=2&hkv=1&sq=5&sk=9&d=8&causal=1&kv_lengths=random&alibi_slopes=geometric&values=normal&seed=1"
    for alignment in ("top-left", "bottom-right"):
        p = problem(query, alignment)
        written = apply("explicit", p)
        assert "alibi_slopes" not in written.options
        same_answer(p, written)


@pytest.mark.parametrize("name", ["shuffle_keys", "repeat_kv"])
def test_rearranged_keys_give_the_same_answer(name: str) -> None:
    p = problem(PLAIN)
    q = apply(name, p)
    assert q.k.shape != p.k.shape or not np.array_equal(q.k, p.k)
    same_answer(p, q)


def test_repeated_keys_add_log_two() -> None:
    p = problem(PLAIN)
    q = apply("repeat_keys", p)
    x, y = attended(p), attended(q)
    assert np.max(np.abs(x.out - y.out)) < 1e-12
    seen = np.isfinite(x.lse)
    assert np.max(np.abs(y.lse[seen] - x.lse[seen] - np.log(2))) < 1e-12


def test_padding_is_behind_the_length() -> None:
    p = problem(EVERYTHING)
    q = apply("pad_keys", p)
    assert q.sk == p.sk + 7
    same_answer(p, q)


@pytest.mark.parametrize("cut", [("first_keys", "other_keys"), ("first_queries", "other_queries")])
def test_two_parts_are_the_whole(cut: tuple[str, str]) -> None:
    p = apply("explicit", problem(EVERYTHING))
    first, other = (apply(name, p) for name in cut)
    if cut[0] == "first_keys":
        assert 0 < first.sk < p.sk and first.sk + other.sk == p.sk
        assert np.array_equal(np.concatenate([attended(first).visible, attended(other).visible], -1), attended(p).visible)
    else:
        joined = np.concatenate([attended(first).out, attended(other).out], 2)
        assert np.max(np.abs(joined - attended(p).out)) < 1e-12


def test_parts_refuse_what_counts_positions() -> None:
    with pytest.raises(ValueError, match=r"write first_keys\(explicit\(p\)\)"):
        apply("first_keys", problem(EVERYTHING))


def test_heads_and_entries_are_taken_with_what_is_theirs() -> None:
    query = EVERYTHING.replace("&segments", "&alibi_slopes=random&sinks=normal&segments")
    p = problem(query)
    heads = [attended(part).out for part in apply("each_head", p)]
    assert np.array_equal(np.concatenate(heads, 1), attended(p).out)
    entries = [attended(part).out for part in apply("each_entry", p)]
    assert np.max(np.abs(np.concatenate(entries, 0) - attended(p).out)) < 1e-12
    assert np.array_equal(attended(apply("reverse_heads", p)).out[:, ::-1], attended(p).out)
    assert np.array_equal(attended(apply("reverse_batch", p)).out[::-1], attended(p).out)


def test_poison_lies_only_where_the_watched_row_cannot_see() -> None:
    p = problem(EVERYTHING)
    q = apply("poison_hidden", p)
    changed = np.any(q.k != p.k, axis=-1)
    assert changed.any()
    rows = apply("unpoisoned", p).value.astype(bool)
    assert rows.any() and not rows.all()
    assert np.array_equal(np.where(rows, attended(q).out, 0), np.where(rows, attended(p).out, 0))
    assert not np.array_equal(attended(q).out, attended(p).out), "a row that sees poison changes"
    for b, h, key in np.argwhere(changed):
        heads = attended(p).visible[b, h * 3 : h * 3 + 3, :, key]
        assert not np.any(heads & rows[b, h * 3 : h * 3 + 3, :, 0])


def test_an_empty_row_that_gives_the_mean_is_not_unpoisoned() -> None:
    """The mean of all keys is a mean of the poisoned ones too; a row of zeros knows none of them."""
    query = "dtype=float32&b=2&hq=2&hkv=1&sq=5&sk=19&d=8&mask=empty-rows:bhqk&values=normal&seed=5&geometry=3"
    zeros, mean = (build(Structure.parse(query, "attention"), {"empty_rows": choice}) for choice in ("zeros", "mean"))
    empty = ~attended(mean).visible.any(axis=-1)
    assert empty.any() and not empty.all()
    assert np.all(apply("unpoisoned", zeros).value[empty])
    rows = apply("unpoisoned", mean).value.astype(bool)
    assert rows.any() and not np.any(rows[empty])
    poisoned = attended(apply("poison_hidden", mean)).out
    assert np.array_equal(np.where(rows, poisoned, 0), np.where(rows, attended(mean).out, 0))
    assert np.any(poisoned[empty] != attended(mean).out[empty])


def test_poison_is_finite_in_every_dtype() -> None:
    for dtype in ("float32", "float16", "bfloat16"):
        p = problem(EVERYTHING.replace("float32", dtype))
        q = apply("poison_hidden", p)
        assert np.isfinite(q.k.astype(np.float64)).all() and np.abs(q.k.astype(np.float64)).max() == 512


def test_values_that_the_dtype_cannot_hold_decide_nothing() -> None:
    p = problem(PLAIN.replace("float32", "bfloat16"))
    with pytest.raises(Undecided, match="not exact in bfloat16"):
        apply("with_values", p, 1.00001)
    assert np.all(apply("with_values", p, 2).v == 2)


def test_visible_extremes_and_mean_are_of_the_visible() -> None:
    p = problem(EVERYTHING)
    seen, v = attended(p).visible, np.repeat(p.v.astype(float), 3, axis=1)
    for b, h, i in np.ndindex(p.b, p.hq, p.sq):
        chosen = v[b, h][seen[b, h, i]]
        if len(chosen):
            assert np.array_equal(apply("visible_max", p).value[b, h, i], chosen.max(0))
            assert np.array_equal(apply("visible_min", p).value[b, h, i], chosen.min(0))
            assert np.max(np.abs(apply("visible_mean", p).value[b, h, i] - chosen.mean(0))) < 1e-14


def test_two_keys_have_the_gap_that_was_asked_for() -> None:
    p = apply("two_keys", problem(PLAIN), 4.0)
    scores = attended(p).scores
    assert scores.shape[-1] == 2 and np.all(scores[..., 0] - scores[..., 1] == 4.0 / np.sqrt(8))


def test_every_word_is_documented_and_used_by_a_law() -> None:
    from attnspec.conformance.language import load_laws

    used = {word for law in load_laws() for word in law.words()}
    assert all(word.doc.endswith(".") or ")" in word.doc for word in WORDS.values())
    assert set(WORDS) - used == set(), "words that no law uses"
