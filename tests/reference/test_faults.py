"""The fault catalogue: complete, each fault a mistake of its own, and the correct answer wherever it cannot show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from attnspec.reference.attention.textbook import attention
from attnspec.reference.faults.catalogue import CORRECT, FAULTS, as_callable, joined
from attnspec.reference.faults.making import MAKERS, fault
from attnspec.reference.rounding import round_to
from attnspec.spec.operations import faults, folder_of, operations
from attnspec.spec.reading import read

pytestmark = pytest.mark.long

SPEC = files("attnspec.spec")
ENTRIES = faults()
OPERATIONS = operations()

ATTENTION = {name: made for name, made in FAULTS.items() if made.operation == "attention"}
"""Faults of other operations take other options, and have tests of their own."""

EXTRAS = {"return_lse", "return_weights"}

ILL_FORMED = {
    "uneven heads": ((1, 3, 2, 4), (1, 2, 5, 4), (1, 2, 5, 4)),
    "unequal features": ((1, 2, 2, 4), (1, 2, 5, 5), (1, 2, 5, 4)),
    "unequal lengths": ((1, 2, 2, 4), (1, 2, 5, 4), (1, 2, 10, 4)),
    "unequal batches": ((3, 2, 2, 4), (1, 2, 5, 4), (1, 2, 5, 4)),
}
"""Shapes of q, k and v that do not fit together."""


def problems(draw: Callable[..., Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Calls over all options under the conventions of the faults, then some that no option describes."""
    for seed in range(20):
        arrays, options = draw(seed)
        options = {name: value for name, value in options.items() if name not in ("causal_alignment", "empty_rows")}
        yield list(arrays), options
    rng = np.random.default_rng(7)
    normal = [rng.standard_normal(shape).astype(np.float32) for shape in ((2, 2, 3, 4), (2, 2, 9, 4), (2, 2, 9, 6))]
    yield [x.transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3) for x in normal], {}
    yield [normal[0], 40 * normal[1], normal[2]], {}
    for values in (normal[2], -normal[2]):
        for causal in (True, False):
            for mask in (np.arange(9) % 3 > 0, None):
                for scale in (1.0, 0.3):
                    yield [normal[0], normal[1], values], {"causal": causal, "mask": mask, "scale": scale}
    yield [normal[0], normal[1], normal[2]], {"scale": 0.0}
    yield from at_special_sizes(rng)
    for shapes in ILL_FORMED.values():
        yield [rng.standard_normal(shape).astype(np.float32) for shape in shapes], {}
    yield [normal[0], normal[1].astype(np.float16), normal[2]], {}


def at_special_sizes(rng: np.random.Generator) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Sizes that agree with each other, pass a tile, a limit or a type, and what only shows there."""

    def normal(b: int, hq: int, hkv: int, sq: int, sk: int, d: int = 4, dv: int = 4) -> list[Any]:
        return [rng.standard_normal((b, h, s, e)).astype(np.float32) for h, s, e in ((hq, sq, d), (hkv, sk, d), (hkv, sk, dv))]

    yield normal(1, 4, 1, 1, 9), {"window": (1, 1)}
    yield normal(1, 1, 1, 9, 3), {"window": (4, None)}
    yield normal(1, 1, 1, 9, 4), {"window": (4, 0), "causal": True}
    yield normal(1, 1, 1, 37, 40), {"window": (3, 0)}
    yield normal(1, 1, 1, 37, 20), {"causal": True}
    yield normal(2, 4, 2, 3, 5), {"mask": rng.random((2, 1, 3, 5)) < 0.5}
    yield normal(2, 4, 2, 2, 5), {"mask": rng.random((2, 5)) < 0.5}
    yield normal(1, 2, 2, 20, 21), {"mask": rng.random((20, 21)) < 0.5}
    yield normal(1, 2, 2, 20, 21), {"bias": rng.standard_normal((20, 21)).astype(np.float32)}
    yield normal(1, 1, 1, 2, 20), {"bias": np.where(np.arange(20) < 16, 0, 1).astype(np.float32)}
    yield normal(2, 1, 1, 3, 5), {"kv_lengths": np.array([0, 5])}
    for heads in ((12, 12), (12, 4), (4, 2)):
        yield normal(1, *heads, 3, 3), {}
    for sk in (31, 40, 77, 128):
        yield normal(1, 1, 1, 3, sk), {}
    yield normal(1, 2, 2, 20, 17, 4, 40), {}
    q, k, v = normal(1, 1, 1, 3, 20)
    yield [np.full_like(q, np.nan), k, v], {}
    yield [300 * q, 300 * k, v], {"scale": 1e-5}
    yield [q, k, np.full_like(v, 6e4)], {}
    yield [q + 10, k + 10, v], {}
    pair = normal(1, 2, 1, 3, 5)
    yield pair, {"window": (1, 1), "sinks": np.array([0.5, 1], np.float32)}
    yield pair, {"scale": 0.3, **{f"{each}_descale": np.full((1, 1), 2, np.float32) for each in "qkv"}}
    for slopes, softcap in (([1, 0.5], None), ([0.5, 1], 1.0)):
        yield pair, {"alibi_slopes": np.array(slopes, np.float32), **({"softcap": softcap} if softcap else {})}


@pytest.fixture(scope="module")
def calls(draw: Callable[..., Any]) -> list[tuple[list[Any], dict[str, Any]]]:
    return list(problems(draw))


def bits(x: Any) -> Any:
    return (x.dtype.name, x.shape, np.nan_to_num(x.astype(np.float64), nan=12345.0).tobytes())


ALIKE = 25
"""Problems without what a fault needs on which it is asked for the answer of the definition."""


def lacks(name: str, options: dict[str, Any]) -> bool:
    """Whether options leave out what a fault needs, other than what is returned besides."""
    needs = set(FAULTS[name].needs) - EXTRAS if name in FAULTS else set()
    return any(options.get(option) is None or options[option] is False for option in needs)


def answers(name: str, calls: list[Any], right: list[Any]) -> list[Any]:
    """What a fault gives, in bits, for each problem in turn: plainly, with all extras, the queries after it, the gradients.

    right: the answers of the definition, which stand for those of a fault that lacks what it needs for the ALIKE-th time.
    """
    call, found, lacking = as_callable(name, operation="attention"), [], 0
    backward = call.backward  # type: ignore[attr-defined]
    for (q, k, v), options in calls:
        lacking += lacks(name, options)
        if lacking > ALIKE and lacks(name, options) and not FAULTS[name].remembers:
            found.append(right[len(found)])
            continue
        q = copied(q)
        try:
            results = [call(q, k, v, **options), *call(q, k, v, **options, return_lse=True, return_weights=True)]
            slopes = gradients(backward, q, k, v, options) if backward else []
            found.append([bits(x) for x in (*results, q, *slopes)])
        except ValueError:
            found.append("refused")
    return found


def gradients(backward: Any, q: Any, k: Any, v: Any, options: dict[str, Any]) -> list[Any]:
    """dq, dk and dv of a sum of outputs with weights that differ; none for options that no backward pass takes."""
    if {"dropout_p", "seed", "q_descale", "k_descale", "v_descale"} & set(options):
        return []
    dout = np.resize(np.arange(1, 8, dtype=np.float64), (*q.shape[:3], v.shape[3])).astype(q.dtype)
    return list(backward(dout, q, k, v, **options))


def copied(x: Any) -> Any:
    """x with its strides, in memory of its own."""
    base = x if x.base is None else x.base
    fresh = base.copy()
    return fresh if x.base is None else np.lib.stride_tricks.as_strided(fresh, x.shape, x.strides)


@pytest.fixture(scope="module")
def given(calls: list[Any]) -> dict[str, list[Any]]:
    """The answers of every fault and of `correct`."""
    found = {CORRECT: answers(CORRECT, calls, [])}
    found |= {name: answers(name, calls, found[CORRECT]) for name in ATTENTION}
    for name in ATTENTION:
        if as_callable(name, operation="attention").backward is None:  # type: ignore[attr-defined]
            # A mistake of the forward pass has the gradients of the definition, lest their absence tell it apart.
            for mine, right in zip(found[name], found[CORRECT], strict=True):
                if mine != "refused" and right != "refused":
                    mine += right[len(mine) :]
    return found


def test_the_spec_file_keeps_its_schema() -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(SPEC.joinpath("schema/faults.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    stated = [read(folder_of(name).joinpath("faults.yaml")) for name in OPERATIONS]
    assert not [error.message for entries in stated for error in Draft202012Validator(schema).iter_errors(entries)]
    one = stated[0]["causal-ignored"]
    broken = {"some-fault": {**one, "links": []}, "Another": one}
    assert len(list(Draft202012Validator(schema).iter_errors(broken))) == 2


def test_entries_name_known_operations_and_options_and_no_title_stands_twice() -> None:
    for name, entry in ENTRIES.items():
        assert set(entry["needs"]) <= set(OPERATIONS[entry["operation"]]["options"]), name
    titles = [entry["title"] for entry in ENTRIES.values()]
    assert len(set(titles)) == len(titles)


def test_an_entry_without_a_function_and_the_reverse_are_errors() -> None:
    with pytest.raises(ValueError, match="states 'not-made', which no @fault"):
        joined({"not-made": {}}, {})
    with pytest.raises(ValueError, match="makes 'heads-leak', which has no entry"):
        joined({}, {"heads-leak": MAKERS["heads-leak"]})
    with pytest.raises(ValueError, match="registered twice"):
        fault("heads-leak")(MAKERS["heads-leak"])


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        as_callable("no-such-fault")


@pytest.mark.parametrize("name", [name for name, made in ATTENTION.items() if not made.equivalent])
def test_a_fault_is_not_correct(given: dict[str, list[Any]], name: str) -> None:
    assert given[name] != given[CORRECT]


def test_no_two_faults_are_one_mistake(given: dict[str, list[Any]]) -> None:
    same = [(a, b) for a in ATTENTION for b in ATTENTION if a < b and given[a] == given[b]]
    assert not same


@pytest.mark.parametrize("name", [name for name, made in ATTENTION.items() if set(made.needs) - EXTRAS])
def test_without_what_it_needs_a_fault_is_correct(calls: list[Any], given: dict[str, list[Any]], name: str) -> None:
    compared = 0
    for (_, options), wrong, right in zip(calls, given[name], given[CORRECT], strict=True):
        if lacks(name, options):
            assert wrong == right
            compared += wrong is not right
    assert compared > 20


@pytest.mark.parametrize("name", [name for name, made in ATTENTION.items() if EXTRAS & set(made.needs)])
def test_what_only_shows_in_returned_extras_leaves_the_plain_output(given: dict[str, list[Any]], name: str) -> None:
    assert all(wrong[0] == right[0] for wrong, right in zip(given[name], given[CORRECT], strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_correct_is_the_definition_rounded_once(draw: Callable[..., Any], dtype: Any) -> None:
    for seed in range(40):
        arrays, options = draw(seed)
        options = {**options, "causal_alignment": "top-left", "empty_rows": "zeros"}
        q, k, v = (x.astype(dtype) for x in arrays)
        exact = attention(q, k, v, **options)
        asked = {name: value for name, value in options.items() if name not in ("causal_alignment", "empty_rows")}
        out, lse, weights = as_callable(CORRECT, operation="attention")(q, k, v, **asked, return_lse=True, return_weights=True)
        name = np.dtype(dtype).name
        assert (out.dtype, lse.dtype, weights.dtype) == (np.dtype(dtype), np.dtype(np.float32), np.dtype(dtype))
        for got, wanted, kind in ((out, exact.out, name), (lse, exact.lse, "float32"), (weights, exact.weights, name)):
            assert np.array_equal(got.astype(np.float64), round_to(wanted, kind), equal_nan=True)


@pytest.mark.parametrize("why", [*ILL_FORMED, "mixed dtypes"])
def test_correct_refuses_what_one_fault_accepts(why: str) -> None:
    shapes = ILL_FORMED.get(why, ILL_FORMED["uneven heads"][1:2] * 3)
    q, k, v = (np.ones(shape, dtype=np.float32) for shape in shapes)
    k = k.astype(np.float16) if why == "mixed dtypes" else k
    with pytest.raises(ValueError, match=r"must be equal|not a positive multiple"):
        as_callable(CORRECT, operation="attention")(q, k, v)
    name = "accepts-" + why.replace(" ", "-")
    out = as_callable(name, operation="attention")(q, k, v)
    assert out.shape == (*q.shape[:3], v.shape[-1]) and out.dtype == q.dtype


def test_what_is_remembered_belongs_to_one_callable() -> None:
    q, k, v = (np.random.default_rng(n).standard_normal((1, 1, 2, 4)).astype(np.float32) for n in range(3))
    first, second = as_callable("stale-values"), as_callable("stale-values")
    first(q, k, -v)
    assert np.array_equal(second(q, k, v), as_callable(CORRECT, operation="attention")(q, k, v))
    assert np.array_equal(first(q, k, v), -second(q, k, v))


def test_ignored_strides_read_nothing_past_the_memory() -> None:
    one = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    expanded = np.broadcast_to(one, (2, 1, 3, 4))
    wrong = as_callable("strides-ignored")(expanded, expanded, expanded)
    right = as_callable(CORRECT, operation="attention")(expanded, expanded, expanded)
    assert np.array_equal(wrong[0], right[0]) and np.all(wrong[1] == 11)
    assert np.array_equal(
        as_callable("strides-ignored")(one, one, one), as_callable(CORRECT, operation="attention")(one, one, one)
    )
