"""A case's query string is its one name: it reads back to the same structure, and it refuses what it does not know."""

from __future__ import annotations

import pytest

from attnspec.conformance.operations import known_operations, operation_named
from attnspec.conformance.problems.descriptors import StructureError
from attnspec.conformance.problems.structure import Structure, keys

CASE = "dtype=bfloat16&b=1&hq=2&hkv=1&sq=2&sk=33&d=8&causal=1&values=normal&seed=7"

EVERY_OPTION = {
    "scale": "0.3",
    "causal": "1",
    "window": "none,2",
    "mask": "random:11qk",
    "bias": "ramp:bhqk",
    "alibi_slopes": "geometric",
    "softcap": "30",
    "sinks": "low",
    "segments": "3",
    "dilation": "3",
    "global_tokens": "2",
    "block_mask": "random:16:1h",
    "top_k": "4",
    "kv_lengths": "zero-some",
    "feature_map": "elu1",
    "normalize": "1",
    "decay": "retnet",
    "gate": "some:bhsf",
    "beta": "some",
    "initial_state": "normal",
    "cu_seqlens": "empties",
    "projection": "orthogonal:17",
    "num_features": "8",
    "orthogonal": "1",
    "q_descale": "powers",
    "k_descale": "random",
    "v_descale": "random",
    "dropout_p": "0.25",
    "dropout_seed": "3",
    "return_lse": "1",
    "return_weights": "1",
    "return_state": "1",
}


def test_the_query_of_the_design_reads_and_prints() -> None:
    structure = Structure.parse(CASE, "attention")
    assert structure == Structure.of(
        "attention", dtype="bfloat16", hq=2, sq=2, sk=33, d=8, options={"causal": True}, values="normal", seed=7
    )
    assert structure.query() == CASE


@pytest.mark.parametrize("operation", known_operations())
def test_every_option_prints_as_it_was_read_and_in_one_order(operation: str) -> None:
    own = list(operation_named(operation).options)
    text = "&".join(f"{key}={EVERY_OPTION[key]}" for key in reversed(own))
    structure = Structure.parse(text, operation)
    printed = [part.split("=") for part in structure.query().split("&")[7:-2]]
    assert [name for name, _ in printed] == own and dict(printed) == {name: EVERY_OPTION[name] for name in own}
    assert Structure.parse(structure.query(), operation) == structure


def test_no_option_is_left_out() -> None:
    assert set(EVERY_OPTION) == {name for each in known_operations().values() for name in each.options}


def test_keys_come_in_any_order_and_a_question_mark_may_lead() -> None:
    assert Structure.parse("?" + "&".join(reversed(CASE.split("&"))), "attention").query() == CASE


@pytest.mark.parametrize("default", ["causal=0", "return_lse=0", "dropout_p=0", "dv=8", "memory=contiguous", "geometry=0"])
def test_defaults_are_not_printed(default: str) -> None:
    assert Structure.parse(f"{CASE}&{default}".replace("causal=1&", ""), "attention").query() == CASE.replace("causal=1&", "")


def test_what_differs_from_a_default_is_printed() -> None:
    query = Structure.parse(f"{CASE}&dv=5&memory=sliced&geometry=9", "attention").query()
    assert query == CASE.replace("d=8", "d=8&dv=5").replace("&seed=7", "&memory=sliced&seed=7&geometry=9")


@pytest.mark.parametrize("scale", [0.1, 1 / 3, 1e-5, 123456.789, 2.0])
def test_numbers_keep_every_bit(scale: float) -> None:
    assert (
        Structure.parse(Structure.of(options={"scale": scale}, operation="attention").query(), "attention").described["scale"]
        == scale
    )


def test_options_change_one_at_a_time() -> None:
    structure = Structure.parse(CASE, "attention").but(softcap=30, causal=None)
    assert structure.described == {"softcap": 30.0}
    assert structure.query() == CASE.replace("causal=1", "softcap=30")


def test_equal_structures_are_one_key_of_a_dictionary() -> None:
    assert (
        len(
            {
                Structure.parse(CASE, "attention"),
                Structure.parse(CASE, "attention"),
                Structure.parse(CASE, "attention").but(causal=None),
            }
        )
        == 2
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("hqq=3", ["unknown key 'hqq'", "did you mean 'hq'?"]),
        ("cusal=1", ["unknown key 'cusal'", "did you mean 'causal'?"]),
        ("hq=3&hkv=2", ["hq=3 is not a multiple of hkv=2"]),
        ("b=x", ["b=x", "not an integer of at least 1"]),
        ("d=0", ["d=0", "at least 1"]),
        ("sq=-1", ["sq=-1", "at least 0"]),
        ("seed=-1", ["seed=-1"]),
        ("b=1&b=1", ["b is given twice"]),
        ("causal=1&causal=1", ["causal is given twice"]),
        ("causal", ["'causal' is not key=value"]),
        ("causal=yes", ["causal=yes", "neither 1 nor 0"]),
        ("scale=inf", ["scale=inf", "not a finite number"]),
        ("softcap=0", ["softcap=0", "positive"]),
        ("dropout_p=1", ["dropout_p=1", "below 1"]),
        ("window=3", ["window=3", "left,right"]),
        ("window=3,-1", ["window=3,-1", "at least 0"]),
        ("window=none,none", ["limits nothing"]),
        ("mask=randon:qk", ["unknown pattern 'randon'", "did you mean 'random'?"]),
        ("mask=random", ["names no shape", "random:<shape>"]),
        ("mask=random:kq", ["'kq' names no shape"]),
        ("bias=normal:bbhqk", ["'bbhqk' names no shape"]),
        ("segments=0", ["segments=0", "at least 1"]),
        ("segments=two", ["segments=two"]),
        ("kv_lengths=none", ["unknown pattern 'none'"]),
        ("values=gauss", ["unknown distribution of values 'gauss'"]),
        ("memory=slice", ["unknown memory 'slice'", "did you mean 'sliced'?"]),
        ("dtype=bf16", ["unknown dtype 'bf16'"]),
    ],
)
def test_what_cannot_be_is_refused_in_words(query: str, words: list[str]) -> None:
    with pytest.raises(StructureError) as caught:
        Structure.parse(query, "attention")
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_option_of_a_structure_is_refused() -> None:
    with pytest.raises(StructureError, match=r"unknown option 'softcp'; did you mean 'softcap'\?"):
        Structure.of(options={"softcp": 30}, operation="attention")


def test_every_key_is_listed_once() -> None:
    assert len(keys("attention")) == len(set(keys("attention")))
